import { STATUS, unless } from "./errors.ts";
import { madeAt, type Own } from "./layout.ts";
import type { Session } from "./session.ts";
import { discardOn, tokenOf } from "./staging.ts";
import type { Tools } from "./writing.ts";

const DAY_MS = 86_400_000;

/** What a sweep takes. */
export interface SweepOptions {
  /**
   * Only what is older, in milliseconds. Nothing is known of a file's process but the age: give more than the longest write takes, and than the
   * clocks of its writers differ. @default one day, and the backend's `stageTtlMs` for staged writes
   */
  readonly olderThanMs?: number | undefined;
  /** Tokens of staged writes to keep whatever their age: those of open intents. */
  readonly keepTokens?: Iterable<string> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was swept. */
export interface SweepReport {
  /** Files of writes that were broken off. */
  readonly temporary: number;
  /** Staged writes that nobody committed. */
  readonly staged: number;
  /** Notes of tokens that were used or discarded. */
  readonly notes: number;
}

/** Removes what crashed or stopped processes left behind. Reads two small directories. */
export async function sweepStale(tools: Tools, options: SweepOptions): Promise<SweepReport> {
  const { olderThanMs = DAY_MS, signal } = options;
  const keep = new Set(options.keepTokens);
  const stageMs = options.olderThanMs ?? tools.options.stageTtlMs;
  let temporary = 0;
  for (const { file } of await filesOf(tools, "tmp", olderThanMs, signal)) if (await remove(tools, file, signal)) temporary++;
  let staged = 0;
  let notes = 0;
  for (const { file, name } of await filesOf(tools, "stage", stageMs, signal)) {
    const token = tokenOf(name);
    if (keep.has(token) || keep.has(token.split(".")[0] as string)) continue;
    if (token === name && !name.includes(".")) {
      // A commit that comes now must not find half of it: the rename decides, a later sweep takes the note.
      await tools.pool.useTwice(signal, (session) => discardOn(session, file));
      staged++;
    } else if (await remove(tools, file, signal)) notes++;
  }
  return { temporary, staged, notes };
}

interface Left {
  readonly file: string;
  readonly name: string;
}

async function filesOf({ pool, layout, clock }: Tools, kind: Own, ageMs: number, signal?: AbortSignal): Promise<Left[]> {
  const directory = layout.own(kind);
  const entries = await pool.useTwice(signal, (session) => unless(session.entries(directory), STATUS.NO_SUCH_FILE));
  return (entries ?? []).flatMap(({ filename }) => {
    const made = madeAt(filename);
    return made !== undefined && clock.now() - made >= ageMs ? [{ file: `${directory}/${filename}`, name: filename }] : [];
  });
}

/** @returns whether it was there */
function remove({ pool }: Tools, file: string, signal?: AbortSignal): Promise<boolean> {
  const unlink = async (session: Session): Promise<boolean> => {
    let isThere = true;
    await session.unlink(file).catch((error) => {
      if ((error as { code?: unknown }).code !== STATUS.NO_SUCH_FILE) throw error;
      isThere = false;
    });
    return isThere;
  };
  return pool.useTwice(signal, unlink);
}
