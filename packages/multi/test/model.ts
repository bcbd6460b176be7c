import type { WriteMode } from "@omni/multi";

/** What is made to go wrong at one member. */
export const MEMBER_FAULTS = [
  "none",
  "stage",
  "stage-midway",
  "stage-hang",
  "commit",
  "commit-hang",
  "commit-answer-lost",
  "commit-late",
  "commit-twice",
] as const;
export type MemberFault = (typeof MEMBER_FAULTS)[number];

/** One write to a group. */
export interface Scenario {
  readonly mode: WriteMode;
  readonly needed: number;
  readonly members: readonly { readonly fault: MemberFault; readonly staging: "process" | "held" }[];
  /** Whether the whole body is at hand and small: then nothing is staged anywhere. */
  readonly small: boolean;
  readonly bytes: number;
  readonly sourceFails: boolean;
}

type State = "committed" | "failed" | "discarded" | "unknown";

/** What must come of it. `"any"`: a member before or after whose turn the write was given up. */
export interface Prediction {
  readonly results: readonly ("resolves" | "rejects" | "source error")[];
  readonly changed: boolean;
  readonly states: readonly (State | "any")[];
  /** Members that at least must have failed. */
  readonly failed?: number;
}

/** What a commit with this fault comes to, seen by the caller. The write id tells a lost answer from a lost commit. */
function commitOf(fault: MemberFault): State {
  if (fault === "commit") return "failed";
  return fault === "commit-hang" || fault === "commit-late" ? "unknown" : "committed";
}

/** The promise of `multi` in one page: staged everywhere, decided once, counted over the configured members. */
export function predict({ mode, needed, members, small, bytes, sourceFails }: Scenario): Prediction {
  // A small body is not staged; one without bytes cannot break off midway.
  const stages = ({ fault }: Scenario["members"][number]): boolean =>
    small || !(fault === "stage" || fault === "stage-hang" || (fault === "stage-midway" && bytes > 0));
  const alive = members.filter(stages);
  // Whether the source breaks before too many members do is a race; either way nothing changes.
  if (sourceFails) {
    const results: Prediction["results"] =
      alive.length < needed ? ["rejects", "source error"] : alive.length === 0 ? ["resolves", "source error"] : ["source error"];
    return { results, changed: false, states: members.map(() => "any") };
  }
  // As soon as too few are left all others are withdrawn, whatever else would have befallen them.
  if (alive.length < needed)
    return { results: ["rejects"], changed: false, states: members.map(() => "any"), failed: members.length - needed + 1 };
  if (mode !== "all") {
    const states = members.map((member) => (stages(member) ? commitOf(member.fault) : "failed"));
    const committed = states.filter((state) => state === "committed").length;
    const changed = states.some((state) => state === "committed" || state === "unknown");
    return { results: [committed >= needed ? "resolves" : "rejects"], changed, states };
  }
  // The weakest member commits first and alone; the others follow only if it did.
  const firmness = (at: number): number => (small || members[at]?.staging === "held" ? 0 : 1);
  const [first] = members.map((_, at) => at).sort((a, b) => firmness(a) - firmness(b));
  const firstState = commitOf(members[first as number]?.fault as MemberFault);
  if (firstState !== "committed")
    return {
      results: ["rejects"],
      changed: firstState === "unknown",
      states: members.map((_, at) => (at === first ? firstState : "discarded")),
    };
  const states = members.map(({ fault }) => commitOf(fault));
  return { results: [states.every((state) => state === "committed") ? "resolves" : "rejects"], changed: true, states };
}
