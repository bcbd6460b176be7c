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

export function judge(
  peer: { readonly name: string; readonly target?: Target },
  compare: Benchmark["compare"],
  ourSamples: readonly Sample[],
  peerSamples: readonly Sample[],
  random: Random,
): Judgement {
  const ratioOf = (cost: (sample: Sample) => number) =>
    bootstrapMedian(pairedRatios(compare, ourSamples.map(cost), peerSamples.map(cost)), random);
  const wall = ratioOf((sample) => sample.wallNanos);
  const cpu = ratioOf((sample) => sample.cpuMicros);
  const basis = measurable(wall) ? "wall" : measurable(cpu) ? "cpu" : "none";
  const common = { peer: peer.name, wall, cpu, basis } as const;
  if (basis === "none") return { ...common, ...(peer.target && { target: peer.target }), verdict: "not measurable here" };
  if (peer.target === undefined) return { ...common, verdict: "stated" };
  const missedBy = distance(peer.target, basis === "wall" ? wall : cpu);
  return missedBy > 0
    ? { ...common, target: peer.target, verdict: "missed", missedBy }
    : { ...common, target: peer.target, verdict: "met" };
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
