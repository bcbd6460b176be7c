import type { Benchmark, Target } from "./benchmark.ts";
import type { Sample } from "./messages.ts";
import type { Random } from "./random.ts";
import { bootstrapMedian, type Interval, relativeWidth } from "./statistics.ts";

/** An interval wider than this share of its median says nothing that may be claimed. */
export const widestInterval = 0.15;

/** What ours over one peer comes to. */
export interface Judgement {
  readonly peer: string;
  readonly wall: Interval;
  readonly cpu: Interval;
  /** Which of the two is judged; `none` when both intervals are too wide. */
  readonly basis: "wall" | "cpu" | "none";
  /** Set where all subjects were given the same pace: wall time says nothing then. */
  readonly paced?: true;
  readonly target?: Target;
  /** `stated`: there is no target. */
  readonly verdict: "met" | "missed" | "stated" | "not measurable here";
  /** How far the better end stays from the target, as a share of it. */
  readonly missedBy?: number;
}

/**
 * The ratio of every round, formed within the round: what slows a moment down slows both sides of it.
 *
 * @param compare - `speed`: the peer's cost by ours, above 1 is ours better; `time`: ours by the peer's, below 1 is ours better
 */
export function pairedRatios(compare: Benchmark["compare"], ourCosts: readonly number[], peerCosts: readonly number[]): number[] {
  if (ourCosts.length !== peerCosts.length) {
    throw new RangeError(`rounds do not pair up: ${ourCosts.length} of ours, ${peerCosts.length} of the peer`);
  }
  return ourCosts.map((our, round) => {
    const peer = peerCosts[round] as number;
    return compare === "speed" ? peer / our : our / peer;
  });
}

/** One peer in one case. */
export interface Judged {
  readonly name: string;
  readonly target?: Target;
  /** All subjects were given the same pace. @default false */
  readonly isPaced?: boolean;
}

export function judge(
  { name, target, isPaced = false }: Judged,
  compare: Benchmark["compare"],
  ourSamples: readonly Sample[],
  peerSamples: readonly Sample[],
  random: Random,
): Judgement {
  const ratioOf = (cost: (sample: Sample) => number) =>
    bootstrapMedian(pairedRatios(compare, ourSamples.map(cost), peerSamples.map(cost)), random);
  const wall = ratioOf((sample) => sample.wallNanos);
  const cpu = ratioOf((sample) => sample.cpuMicros);
  const basis = measurable(wall) && !isPaced ? "wall" : measurable(cpu) ? "cpu" : "none";
  const common = { peer: name, wall, cpu, basis, ...(isPaced && { paced: true as const }) } as const;
  const asked = isPaced ? undefined : target;
  if (basis === "none") return { ...common, ...(asked && { target: asked }), verdict: "not measurable here" };
  if (asked === undefined) return { ...common, verdict: "stated" };
  const missedBy = distance(asked, basis === "wall" ? wall : cpu);
  return missedBy > 0 ? { ...common, target: asked, verdict: "missed", missedBy } : { ...common, target: asked, verdict: "met" };
}

/** A ratio without a finite interval (a round that took no CPU time at all) is as little a measure as a wide one. */
function measurable(interval: Interval): boolean {
  const width = relativeWidth(interval);
  return Number.isFinite(width) && width <= widestInterval;
}

/** How far the interval's better end stays from the target, as a share of it; 0 or less when it reaches it. */
export function distance(target: Target, interval: Interval): number {
  if ("atLeast" in target) return (target.atLeast - interval.high) / target.atLeast;
  if ("atMost" in target) return (interval.low - target.atMost) / target.atMost;
  return Math.max(target.includes - interval.high, interval.low - target.includes) / target.includes;
}
