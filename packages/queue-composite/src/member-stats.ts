import type { BreakerState } from "@omni/core";
import type { DriverStatsOptions, QueueCounters } from "@omni/core/queue";
import type { Member } from "./member.ts";

/** What is known of one member; what is not is left out. */
export interface MemberStats extends Partial<QueueCounters> {
  /** Messages that were not sent because its breaker was open. */
  readonly skipped: number;
  readonly breaker: BreakerState;
  /** Whether this queue's consumers read it; nobody drains what is not read. */
  readonly drain: "consumers" | "none";
  /** How full it is, 0 to 1, where it is bounded and says so. */
  readonly fill?: number | undefined;
}

/** The numbers of every member, and the sums of what is known. */
export async function statsOf(
  members: readonly Member[],
  isRead: (member: Member) => boolean,
  options: DriverStatsOptions,
  onError: (member: Member, error: unknown) => void,
): Promise<{ readonly byMember: Readonly<Record<string, MemberStats>>; readonly total: Partial<QueueCounters> }> {
  const entries = await Promise.all(
    members.map(async (member) => {
      const known = await brokerStats(member, isRead(member), options).catch((error: unknown) => {
        onError(member, error);
        return {};
      });
      const drain = isRead(member) ? "consumers" : "none";
      const stats: MemberStats = { ...member.counters, ...known, breaker: member.breaker.state, drain };
      return [member.name, stats] as const;
    }),
  );
  return { byMember: Object.fromEntries(entries), total: sumOf(entries.map(([, stats]) => stats)) };
}

/** What a member's broker knows of a topic. */
export async function brokerStats(
  member: Member,
  isRead: boolean,
  options: DriverStatsOptions,
): Promise<{ readonly pending?: number; readonly stored?: number; readonly fill?: number }> {
  const topic = options.topic === undefined ? undefined : member.topicOf(options.topic);
  // Of a member that nobody reads what counts is all it holds.
  const found = await member.driver.stats?.({ ...options, topic, group: isRead ? options.group : undefined });
  const { pending, stored } = found ?? {};
  const { capacity } = member.features;
  const held = pending ?? stored;
  return {
    ...(pending !== undefined && { pending }),
    ...(stored !== undefined && { stored }),
    ...(capacity !== undefined && held !== undefined && { fill: held / capacity }),
  };
}

const SUMMED = [
  "published",
  "duplicates",
  "rejected",
  "unknown",
  "consumed",
  "acked",
  "nacked",
  "suppressed",
  "inFlight",
  "pending",
  "stored",
] as const satisfies readonly (keyof QueueCounters)[];

function sumOf(all: readonly MemberStats[]): Partial<QueueCounters> {
  const total: Partial<Record<(typeof SUMMED)[number], number>> = {};
  for (const stats of all) {
    for (const name of SUMMED) {
      const value = stats[name];
      if (value !== undefined) total[name] = (total[name] ?? 0) + value;
    }
  }
  return total;
}
