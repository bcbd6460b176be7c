import { type Clock, type Logger, OmniError } from "@omni/core";

/** How many members must take a write. */
export const WRITE_MODES = ["all", "quorum", "best-effort"] as const;
export type WriteMode = (typeof WRITE_MODES)[number];

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
  /** Close the members with the group. @default false */
  readonly closeMembers?: boolean | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
  /** @default the machine's */
  readonly clock?: Clock | undefined;
}

const NUMBERS = { quorum: 1, minCommits: 0, memberTimeoutMs: 1, windowBytes: 1, stageAboveBytes: 0 } as const;
const KNOWN = ["mode", "partial", "closeMembers", "logger", "clock", ...Object.keys(NUMBERS)];

/** The options of a group, complete. */
export interface MultiSettings {
  readonly mode: WriteMode;
  /** Members that must take a write. */
  readonly needed: number;
  readonly partial: "resolve" | "throw";
  readonly memberTimeoutMs: number;
  readonly windowBytes: number;
  readonly stageAboveBytes: number;
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
  const { mode = "all", partial = "resolve" } = options;
  if (!WRITE_MODES.includes(mode)) throw invalid(`mode is ${WRITE_MODES.join(", ")}, not ${JSON.stringify(mode)}`);
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
    closeMembers: options.closeMembers ?? false,
    logger: options.logger,
    clock: options.clock,
  };
}

export function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { backend: "multi", operation: "open", reason, outcome: "not-applied" });
}
