import { type CallOptions, OmniError, systemClock } from "@omni/core";
import type { Group } from "../group.ts";
import { deleteWayOf } from "./deleting.ts";
import type { Journal } from "./journal.ts";
import { sweepMarks } from "./mark-sweep.ts";
import type { OpenHead } from "./protocol.ts";

/** Intents that are finished side by side. */
const AT_ONCE = 8;
/** Milliseconds that what is staged at S3 or Google Cloud Storage stays by itself. */
const DAY_MS = 86_400_000;

/** Which open intents `recover` finishes. */
export interface RecoverOptions {
  /** Only intents decided at least so long ago, in milliseconds: spares their owners company, nothing else. @default 0 */
  readonly olderThanMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of the open intents. */
export interface RecoverReport {
  /** Carried out on every member. */
  readonly finished: number;
  /** Closed without effect: every staged token was gone and nobody held the change. */
  readonly aborted: number;
  /** Still open: some member, or the journal, could not be reached, or younger than `olderThanMs`. */
  readonly open: number;
}

/** A decided change that is not confirmed by every member. */
export interface OpenIntent {
  /** The write id. */
  readonly id: string;
  readonly path: string;
  readonly kind: "write" | "delete";
  /** By the clock of whoever decided it. */
  readonly decidedAt: Date;
  /** Staged tokens by member, which sweeps keep. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** What `sweepStale` of a group removes. */
export interface GroupSweepOptions {
  /** Only what was staged, or deleted, at least so many milliseconds ago. @default one day */
  readonly olderThanMs?: number | undefined;
  /** Only under this prefix, where the store can say so. Some (MinIO) list uploads only by the whole path. @default "" */
  readonly prefix?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Finishes what processes that are gone left open. Any number may do so at once, in any process. */
export async function recover(group: Group, journal: Journal, { olderThanMs = 0, signal }: RecoverOptions): Promise<RecoverReport> {
  await journal.open();
  const { clock = systemClock, logger } = group.settings;
  const report = { finished: 0, aborted: 0, open: 0 };
  const working = new Set<Promise<void>>();
  const finish = async (head: OpenHead): Promise<void> => {
    try {
      const { outcome } = (await journal.finish(head, signal, 2)) ?? { outcome: "committed" };
      report[outcome === "committed" ? "finished" : outcome] += 1;
    } catch (error) {
      if (signal?.aborted || !OmniError.is(error)) throw error;
      logger?.warn({ path: head.path, intent: head.open.id, error }, "an intent stays open");
      report.open += 1;
    }
  };
  for await (const head of journal.log.open(signal)) {
    if (clock.now() - head.open.at < olderThanMs) {
      report.open += 1;
      continue;
    }
    const work = finish(head).finally(() => working.delete(work));
    working.add(work);
    if (working.size >= AT_ONCE) await Promise.race(working);
  }
  await Promise.all(working);
  return report;
}

/** Lists what is open. */
export async function* intents(journal: Journal, { signal }: CallOptions = {}): AsyncGenerator<OpenIntent, void> {
  await journal.open();
  for await (const { path, open } of journal.log.open(signal)) {
    const { id, kind, at, tokens } = open;
    yield { id, path, kind, decidedAt: new Date(at), tokens };
  }
}

/**
 * Sweeps what was staged and never decided, at every member that can; the tokens of open intents stay. Marks that stay go, too.
 *
 * @param mend brings the members at a path to what the journal says
 */
export async function sweepStale(
  group: Group,
  journal: Journal | undefined,
  mend: (path: string) => Promise<unknown>,
  { olderThanMs = DAY_MS, prefix, signal }: GroupSweepOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const { members } = group;
  const keep = new Map<string, string[]>(members.map(({ name }) => [name, []]));
  // Before anything is swept: what is decided later and swept then is staged again, or ends as aborted, by the protocol.
  if (journal)
    for await (const { tokens } of intents(journal, { signal }))
      for (const [name, token] of Object.entries(tokens)) keep.get(name)?.push(token);
  const reports: Record<string, unknown> = {};
  for (const member of members) {
    const { name, backend } = member;
    const sweep = (backend.driver as { sweepStale?: (options: object) => Promise<unknown> }).sweepStale;
    const tokens = keep.get(name);
    if (sweep)
      reports[name] = await sweep({ olderThanMs, keep: tokens, keepTokens: tokens, signal, ...(prefix ? { prefix } : {}) });
    if (!journal || deleteWayOf(backend) !== "kept") continue;
    const marks = await sweepMarks(group, journal, member, mend, { olderThanMs, prefix, signal });
    reports[name] = { ...(reports[name] as object | undefined), marks };
  }
  return reports;
}
