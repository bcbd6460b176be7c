import type { BreakerState } from "@omni/core";
import type { Group } from "./group.ts";
import type { WriteOutcome } from "./outcome.ts";

/** Counters of one member, since the group was made; plain numbers. */
export interface MemberStats {
  /** Outcomes of writes and deletes; one that was `pending` counts once more as what became of it. */
  readonly outcomes: Readonly<Record<WriteOutcome["state"], number>>;
  /** How often it was no longer waited for. */
  readonly laggards: number;
  /** Changes that it missed. */
  readonly missed: number;
  /** Changes that it still owes after others took them. */
  readonly owed: number;
  /** Objects that repairs wrote to it or removed from it. */
  readonly repairs: number;
  readonly breaker: BreakerState;
  /** Milliseconds within which half, and 95 of 100, of its recent answers to reads came; absent before the first. */
  readonly latencyMs?: { readonly p50: number; readonly p95: number } | undefined;
}

/** Counters of a group, since it was made; plain numbers. */
export interface MultiStats {
  readonly writes: number;
  readonly failedWrites: number;
  readonly deletes: number;
  readonly failedDeletes: number;
  /** Reads that went on at another member. */
  readonly failovers: number;
  /** Reads for which a second member was asked. */
  readonly hedges: number;
  /** Quorum reads that found members behind. */
  readonly staleReads: number;
  /** Repairs that such reads began and that came to their end. */
  readonly readRepairs: number;
  readonly repairedBytes: number;
  readonly byMember: Readonly<Record<string, MemberStats>>;
}

interface Counted {
  readonly outcomes: Record<WriteOutcome["state"], number>;
  laggards: number;
  missed: number;
  repairs: number;
}

/** Counts the events of a group. */
export function countEvents(group: Group): () => MultiStats {
  const { members, events, health } = group;
  const sums = {
    writes: 0,
    failedWrites: 0,
    deletes: 0,
    failedDeletes: 0,
    failovers: 0,
    hedges: 0,
    staleReads: 0,
    readRepairs: 0,
    repairedBytes: 0,
  };
  const counted = new Map(members.map(({ name }) => [name, emptyCounts()]));
  const of = (member: string): Counted => counted.get(member) as Counted;
  const count = ({ member, state }: WriteOutcome): void => {
    of(member).outcomes[state] += 1;
  };
  events.on("write", ({ outcomes, error }) => {
    sums[error === undefined ? "writes" : "failedWrites"] += 1;
    outcomes.forEach(count);
  });
  events.on("delete", ({ outcomes, error }) => {
    sums[error === undefined ? "deletes" : "failedDeletes"] += 1;
    outcomes.forEach(count);
  });
  events.on("late", ({ outcome }) => count(outcome));
  events.on("laggard", ({ member }) => {
    of(member).laggards += 1;
  });
  events.on("missed", ({ members: names }) => {
    for (const name of names) of(name).missed += 1;
  });
  events.on("failover", () => {
    sums.failovers += 1;
  });
  events.on("hedge", () => {
    sums.hedges += 1;
  });
  events.on("stale", () => {
    sums.staleReads += 1;
  });
  events.on("heal", () => {
    sums.readRepairs += 1;
  });
  events.on("repair", ({ member, bytes }) => {
    of(member).repairs += 1;
    sums.repairedBytes += bytes;
  });
  return () => {
    const byMember = members.map((member): [string, MemberStats] => {
      const { breaker, lateWrites: owed, ...standing } = pick(health.of(member));
      const { outcomes, ...rest } = of(member.name);
      return [member.name, { ...rest, outcomes: { ...outcomes }, owed, breaker, ...standing }];
    });
    return { ...sums, byMember: Object.fromEntries(byMember) };
  };
}

function emptyCounts(): Counted {
  return { outcomes: { committed: 0, failed: 0, discarded: 0, unknown: 0, pending: 0 }, laggards: 0, missed: 0, repairs: 0 };
}

function pick(
  health: ReturnType<Group["health"]["of"]>,
): Pick<MemberStats, "breaker" | "latencyMs"> & { readonly lateWrites: number } {
  const { breaker, lateWrites } = health;
  const [p50, p95] = [health.latency(0.5), health.latency(0.95)];
  return { breaker, lateWrites, ...(p50 === undefined || p95 === undefined ? {} : { latencyMs: { p50, p95 } }) };
}
