import { markKeepers } from "./journal/fitness.ts";
import type { Member } from "./members.ts";
import type { MultiSettings, WriteMode } from "./options.ts";

/** What a group promises as it is configured. A plain object, to be logged or shown. */
export interface Guarantee {
  readonly mode: WriteMode;
  readonly members: number;
  /** Members that hold the whole object when a write resolves. */
  readonly needed: number;
  /** A write that fails before its first commit leaves every member as it was. */
  readonly beforeFirstCommit: "nothing changed" | "members without staging may have written";
  /**
   * A write that fails after its first commit leaves each member with the old or the new object, whole; the outcomes say which. With a journal in mode
   * `all` that lasts until its intent is finished, then all hold the new one.
   */
  readonly afterFirstCommit: "old or new, whole, per member";
  /** Whether something brings the members together after a failure past the first commit, or after a crash. */
  readonly rolledForward: boolean;
  /**
   * Members at which a delete leaves a mark, an object of 45 bytes with the metadata `deleted-by-omni`, because their store has no conditional delete
   * (MinIO, R2). The group does not show it; who asks the store itself sees it. The next write replaces it, `sweepStale()` removes it. Empty without a
   * journal, where no delete is fenced.
   */
  readonly marksStayOn: readonly string[];
  /**
   * Whether a read after a write that resolved surely shows it, or a newer one. In mode `quorum` that takes more than half of the members, the read
   * policy `quorum`, and stores that replace under a condition which never repeats; where objects are deleted also a journal.
   */
  readonly readAfterWrite: boolean;
  /** Members that must say NOT_FOUND before the group does. */
  readonly notFoundNeeds: number;
  /** How each member holds a write back until the decision. */
  readonly staging: Readonly<Record<string, "durable" | "process" | "held" | "none">>;
  /** Whole bodies up to this many bytes are held in this process instead. */
  readonly heldUpToBytes: number;
  /** The same in words. */
  readonly text: string;
}

/** Says what a group promises. */
export function guaranteeOf(members: readonly Member[], settings: MultiSettings, notFoundNeeds: number): Guarantee {
  const { mode, needed, stageAboveBytes } = settings;
  const staging = Object.fromEntries(members.map(({ name, backend }) => [name, backend.features.stagedWrite]));
  const direct = Object.values(staging).includes("none");
  const isJournalled = settings.journal !== undefined && mode === "all";
  return Object.freeze({
    mode,
    members: members.length,
    needed,
    beforeFirstCommit: direct ? "members without staging may have written" : "nothing changed",
    afterFirstCommit: "old or new, whole, per member",
    rolledForward: isJournalled,
    marksStayOn: isJournalled ? markKeepers(members) : [],
    readAfterWrite: mode === "all" || isReadBack(members, settings),
    notFoundNeeds,
    staging,
    heldUpToBytes: isJournalled ? 0 : stageAboveBytes,
    text: words(mode, needed, members.length, isJournalled),
  });
}

/** Whether every version that was acknowledged meets every quorum read, and none is ever put back. */
function isReadBack(members: readonly Member[], { mode, needed, readPolicy }: MultiSettings): boolean {
  const isOrdered = members.every(({ backend: { features } }) => {
    const { create, replace } = features.conditional;
    return features.stamps && create && replace === "generation";
  });
  return mode === "quorum" && readPolicy === "quorum" && needed * 2 > members.length && isOrdered;
}

function words(mode: WriteMode, needed: number, count: number, isJournalled: boolean): string {
  const taken = mode === "all" ? `all ${count} members hold` : `at least ${needed} of ${count} members hold`;
  const late = isJournalled
    ? "A decided write is carried out on every member, by whoever comes next or recover(); until then readers may see members differ."
    : "After the first commit nothing rolls a failed write forward: the error says per member committed, failed or unknown.";
  return `When a write resolves ${taken} the whole object. A write that fails before its first commit changes nothing. ${late}`;
}
