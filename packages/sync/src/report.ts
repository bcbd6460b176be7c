import type { OmniError } from "@omni/core";

/** What was found at a path: `=` the same, `+` only at the source, `-` only at the destination, `*` different, `!` an error. */
export type Mark = "=" | "+" | "-" | "*" | "!";

/** What was done about it, or in a dry run would have been. */
export type SyncAction = "none" | "skip" | "copy" | "update" | "touch" | "rename" | "delete" | "list";

/** One path of a report. */
export interface SyncEntry {
  readonly mark: Mark;
  /** Relative to the prefix. */
  readonly path: string;
  readonly action: SyncAction;
  /** Bytes that the action carries. */
  readonly bytes: number;
  /** Why, in few words. */
  readonly reason?: string | undefined;
  /** The other name of a rename. */
  readonly other?: string | undefined;
}

/** One thing that did not succeed. */
export interface SyncFailure {
  readonly path: string;
  readonly action: SyncAction;
  readonly error: OmniError;
}

/** How copies were verified: the destination's own digest, the bytes read back, or the length alone. */
export type Proof = "digest" | "read" | "size";

/** How many paths fared how. */
export interface SyncCounts {
  checked: number;
  same: number;
  skipped: number;
  copied: number;
  updated: number;
  touched: number;
  renamed: number;
  deleted: number;
  /** Sources deleted by `move`. */
  removedAtSource: number;
  /** Paths that differ, are missing, or are too many; what `check`, `verify` and `diff` count. */
  differing: number;
  failed: number;
}

/** What a run did and found. */
export interface SyncReport {
  readonly verb: string;
  readonly dryRun: boolean;
  /** Nothing failed, and for `check`, `verify` and `diff` nothing differs. */
  readonly ok: boolean;
  /** Everything was looked at: no limit and no failed listing ended the run early. */
  readonly complete: boolean;
  /** Which limit ended it. */
  readonly stopped?: "maxTransferBytes" | "maxDurationMs" | "maxFailures" | undefined;
  /** Why deletes that were planned were not made. */
  readonly deletesWithheld?: string | undefined;
  readonly counts: Readonly<SyncCounts>;
  /** Bytes of what was copied; in a dry run, of what would be. */
  readonly bytes: number;
  /** How the copies were verified. */
  readonly proofs: Readonly<Record<Proof, number>>;
  /** How paths were found to be the same. */
  readonly evidence: Readonly<Record<string, number>>;
  /** Every failure. */
  readonly failures: readonly SyncFailure[];
  /** The first paths, sorted; see `maxEntries`. `onEntry` gets all of them. */
  readonly entries: readonly SyncEntry[];
  /** Paths that `entries` has no room for. */
  readonly entriesOmitted: number;
  readonly durationMs: number;
  /** Lines `= path`, `+ path`, `- path`, `* path`, `! path: error`, sorted by path, and a summary. */
  text(): string;
  /** The same as plain data. */
  toJSON(): Record<string, unknown>;
}

type Facts = Omit<SyncReport, "text" | "toJSON">;

/** Completes the facts of a run. */
export function makeReport(facts: Facts): SyncReport {
  return {
    ...facts,
    text: () => {
      const reasons = new Map(facts.failures.map(({ path, error }) => [path, error.reason]));
      return [...facts.entries.map((entry) => lineOf(entry, reasons)), ...summary(facts)].join("\n");
    },
    toJSON: () => ({ ...facts, failures: facts.failures.map(({ error, ...rest }) => ({ ...rest, error: error.toJSON() })) }),
  };
}

function lineOf({ mark, path, other, action }: SyncEntry, reasons: ReadonlyMap<string, string>): string {
  if (mark === "!") return `! ${path}: ${reasons.get(path) ?? "failed"}`;
  if (action === "rename" && other !== undefined) return `${mark} ${path} (${mark === "+" ? "was" : "is now"} ${other})`;
  return `${mark} ${path}`;
}

function summary(facts: Facts): string[] {
  const { counts, bytes, verb, entriesOmitted, stopped, deletesWithheld } = facts;
  const done = (
    ["copied", "updated", "touched", "renamed", "deleted", "removedAtSource", "skipped", "same", "differing", "failed"] as const
  )
    .filter((name) => counts[name] > 0)
    .map((name) => `${counts[name]} ${name === "removedAtSource" ? "removed at the source" : name}`);
  const lines = [`${verb}: ${done.length === 0 ? "nothing to do" : done.join(", ")}; ${bytes} bytes`];
  if (entriesOmitted > 0) lines.unshift(`(and ${entriesOmitted} more paths)`);
  if (stopped !== undefined) lines.push(`stopped early: ${stopped}`);
  if (deletesWithheld !== undefined) lines.push(`nothing was deleted: ${deletesWithheld}`);
  return lines;
}
