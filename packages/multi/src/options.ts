import { type Backend, type BreakerOptions, type Clock, type Logger, OmniError } from "@omni/core";

/** How many members must take a write. */
export const WRITE_MODES = ["all", "quorum", "best-effort"] as const;
/** The value of `mode`: {@link WRITE_MODES}. */
export type WriteMode = (typeof WRITE_MODES)[number];

/** Which member answers a read. */
export const READ_POLICIES = ["first", "fastest", "round-robin", "quorum"] as const;
/** The value of `readPolicy`: {@link READ_POLICIES}. */
export type ReadPolicy = (typeof READ_POLICIES)[number];

/** How a group writes, reads and recovers. */
export interface MultiOptions {
  /**
   * `all`: every member or none, as far as `guarantee` says; `quorum`: at least `quorum` members; `best-effort`: at least `minCommits`.
   * @default "all"
   */
  readonly mode?: WriteMode | undefined;
  /** Members that must take a write in mode `quorum`. @default the majority of the configured members */
  readonly quorum?: number | undefined;
  /** Members that must take a write in mode `best-effort`; 0 lets a write succeed that nobody took. @default 1 */
  readonly minCommits?: number | undefined;
  /** Whether a write that succeeded although members failed resolves with `failures`, or throws them. @default "resolve" */
  readonly partial?: "resolve" | "throw" | undefined;
  /**
   * Milliseconds that a member may owe an answer, or leave bytes untaken, before it is out; noticed after twice that at the latest.
   * @default 60000
   */
  readonly memberTimeoutMs?: number | undefined;
  /** Bytes that may wait for one member before the source is asked for more. @default 4 MiB */
  readonly windowBytes?: number | undefined;
  /**
   * Bodies up to this many bytes that are all at hand are not staged at a member but held here until the decision: one request instead of three.
   * @default 8 MiB
   */
  readonly stageAboveBytes?: number | undefined;
  /**
   * In modes `quorum` and `best-effort`: milliseconds for which a member may hold up a write that enough others have taken, or could go on with.
   * After that it is no longer waited for: `pending` in the outcomes where it still may finish within `memberTimeoutMs`, else `failed`. A member that
   * is late already is not waited for at all. In mode `all` the writer waits until the deadline.
   * @default 1000
   */
  readonly laggardMs?: number | undefined;
  /**
   * Bytes a second that a member must take of a stream while bytes wait for it, in modes `quorum` and `best-effort`; slower for `laggardMs`, it is out
   * as long as enough others are faster.
   * @default 0, no limit
   */
  readonly minBytesPerSecond?: number | undefined;
  /**
   * When a member that fails again and again is left alone: after `failures` in a row, for `openMs` and up to a fifth more, then one call tries it.
   * `false` = never.
   * @default { failures: 5, openMs: 10000, jitter: 0.2 }
   */
  readonly breaker?: BreakerOptions | false | undefined;
  /**
   * `first`: the first member that answers, in their order. `fastest`: the one that answered fastest of late, and a second one when it takes longer
   * than it usually does. `round-robin`: in turn. `quorum`: the highest version that as many members show as are needed to meet every write that
   * resolved.
   * @default "first"
   */
  readonly readPolicy?: ReadPolicy | undefined;
  /**
   * Whether a member that a read under the policy `quorum` finds behind is repaired at once, in the background: as `repair()` would do it at that path;
   * without a journal only where it holds an older version, for where it holds nothing that may have been deleted just now. Turn it off where this
   * process may only read.
   * @default true
   */
  readonly readRepair?: boolean | undefined;
  /**
   * A backend with atomic conditional create, shared by every process that writes to the group: changes are decided there, and survive a crash of
   * whoever decided them. It may be a member; nothing else may write below its `.omni/multi/`.
   * @default none: an error after the first commit says per member what became of it, and nothing rolls it forward
   */
  readonly journal?: Backend | undefined;
  /** Takes an empty journal although members hold objects that a group wrote: theirs was lost, or there was none. @default false */
  readonly adopt?: boolean | undefined;
  /** Lets the journal's group have other members from now on; no intent may be open, and `repair()` fills the new ones. @default false */
  readonly changeMembers?: boolean | undefined;
  /** Close the members with the group. @default false */
  readonly closeMembers?: boolean | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
  /** @default the machine's */
  readonly clock?: Clock | undefined;
}

const NUMBERS = {
  quorum: 1,
  minCommits: 0,
  memberTimeoutMs: 1,
  windowBytes: 1,
  stageAboveBytes: 0,
  laggardMs: 0,
  minBytesPerSecond: 0,
} as const;
const KNOWN = [
  ...[
    "mode",
    "partial",
    "closeMembers",
    "logger",
    "clock",
    "breaker",
    "readPolicy",
    "readRepair",
    "journal",
    "adopt",
    "changeMembers",
  ],
  ...Object.keys(NUMBERS),
];

/** The options of a group, complete. */
export interface MultiSettings {
  readonly mode: WriteMode;
  /** Members that must take a write. */
  readonly needed: number;
  readonly partial: "resolve" | "throw";
  readonly memberTimeoutMs: number;
  readonly windowBytes: number;
  readonly stageAboveBytes: number;
  readonly laggardMs: number;
  readonly minBytesPerSecond: number;
  readonly breaker: BreakerOptions | false;
  readonly readPolicy: ReadPolicy;
  readonly readRepair: boolean;
  readonly journal: Backend | undefined;
  readonly adopt: boolean;
  readonly changeMembers: boolean;
  readonly closeMembers: boolean;
  readonly logger: Logger | undefined;
  readonly clock: Clock | undefined;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @param count configured members
 * @throws OmniError INVALID_ARGUMENT
 */
export function completeOptions(options: MultiOptions, count: number): MultiSettings {
  for (const name of Object.keys(options))
    if (!KNOWN.includes(name)) throw invalid(`unknown option "${name}". Known: ${KNOWN.join(", ")}`);
  const { mode = "all", partial = "resolve", readPolicy = "first" } = options;
  if (!WRITE_MODES.includes(mode)) throw invalid(`mode is ${WRITE_MODES.join(", ")}, not ${JSON.stringify(mode)}`);
  if (!READ_POLICIES.includes(readPolicy))
    throw invalid(`readPolicy is ${READ_POLICIES.join(", ")}, not ${JSON.stringify(readPolicy)}`);
  if (partial !== "resolve" && partial !== "throw")
    throw invalid(`partial is "resolve" or "throw", not ${JSON.stringify(partial)}`);
  for (const [name, min] of Object.entries(NUMBERS)) {
    const value = options[name as keyof typeof NUMBERS];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= min))
      throw invalid(`${name} is a whole number, ${min} or more, not ${value}`);
  }
  const { quorum = Math.floor(count / 2) + 1, minCommits = 1 } = options;
  if (options.quorum !== undefined && mode !== "quorum") throw invalid(`quorum goes with mode "quorum", not "${mode}"`);
  if (options.minCommits !== undefined && mode !== "best-effort")
    throw invalid(`minCommits goes with mode "best-effort", not "${mode}"`);
  if (quorum > count) throw invalid(`quorum is ${quorum}, but there are ${count} members`);
  if (minCommits > count) throw invalid(`minCommits is ${minCommits}, but there are ${count} members`);
  return {
    mode,
    needed: mode === "all" ? count : mode === "quorum" ? quorum : minCommits,
    partial,
    memberTimeoutMs: options.memberTimeoutMs ?? 60_000,
    windowBytes: options.windowBytes ?? 4 * 1024 * 1024,
    stageAboveBytes: options.stageAboveBytes ?? 8 * 1024 * 1024,
    laggardMs: options.laggardMs ?? 1_000,
    minBytesPerSecond: options.minBytesPerSecond ?? 0,
    breaker: options.breaker === false ? false : { jitter: 0.2, ...options.breaker },
    readPolicy,
    readRepair: options.readRepair ?? true,
    journal: options.journal,
    adopt: options.adopt ?? false,
    changeMembers: options.changeMembers ?? false,
    closeMembers: options.closeMembers ?? false,
    logger: options.logger,
    clock: options.clock,
  };
}

export function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { backend: "multi", operation: "open", reason, outcome: "not-applied" });
}
