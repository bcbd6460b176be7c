/** When a publish to several members is done. */
export const STRATEGIES = ["fail-fast", "all", "best-effort", "quorum", "failover"] as const;

/** One of {@link STRATEGIES}. */
export type Strategy = (typeof STRATEGIES)[number];

/** How the members of one publish stand. */
export interface Tally {
  /** Members of the group, tried or not. */
  readonly members: number;
  /** Members that hold the message, duplicates among them. */
  readonly acked: number;
  /** Members that settled in any other way. */
  readonly failed: number;
  /** Of those, the ones that certainly do not hold it. */
  readonly refused: number;
}

/** How many members have to hold a message. */
export function neededBy(
  strategy: Strategy,
  members: number,
  settings: { readonly minAcks: number; readonly quorum: number },
): number {
  if (strategy === "best-effort") return settings.minAcks;
  if (strategy === "quorum") return settings.quorum;
  return strategy === "failover" ? 1 : members;
}

/**
 * Whether a publish is decided; `undefined` while it is not.
 *
 * `"in-doubt"`: it failed, and yet enough members may hold the message.
 */
export function decide(strategy: Strategy, needed: number, tally: Tally): "acked" | "rejected" | "in-doubt" | undefined {
  const { members, acked, failed, refused } = tally;
  const open = members - acked - failed;
  const failure = members - refused >= needed ? "in-doubt" : "rejected";
  switch (strategy) {
    case "fail-fast":
      if (failed > 0) return failure;
      return open === 0 ? "acked" : undefined;
    case "quorum":
      if (acked >= needed) return "acked";
      return failed > members - needed ? failure : undefined;
    case "failover":
      if (acked > 0) return "acked";
      return open === 0 ? failure : undefined;
    default:
      if (open > 0) return undefined;
      return acked >= needed ? "acked" : failure;
  }
}
