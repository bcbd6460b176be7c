import type { WriteStamp } from "@omni/core";
import type { MissedChange } from "./events.ts";
import type { Journal } from "./journal/journal.ts";
import { isOpen } from "./journal/protocol.ts";

/** What was decided last for a path. */
export interface Decided {
  readonly state: "present" | "deleted";
  /** Write id and counter of the write, or of the delete. */
  readonly stamp: WriteStamp;
  /** No member was seen to take the write: it may never have been made. */
  readonly isUnsure?: boolean | undefined;
  /** What was decided before it, as far as it is still noted. */
  readonly before?: Decided | undefined;
}

/** The version of the last delete that is known, whatever was noted after it. */
export function tombstoneOf(decided: Decided | undefined): WriteStamp | undefined {
  for (let each = decided; each; each = each.before) if (each.state === "deleted") return each.stamp;
  return undefined;
}

/**
 * What a journal keeps for repairs: which changes members missed, and what was decided for a path. Without one a scan finds differences by itself,
 * and cannot tell a delete here from a write that was missed there.
 */
export interface RepairNotes {
  /** Keeps a note; resolves when it is durable. */
  add(missed: MissedChange): Promise<void>;
  /** Paths with notes that are not settled, in any order. */
  list(prefix: string, signal: AbortSignal | undefined): AsyncIterable<{ readonly path: string }>;
  /** Every member holds what was decided for the path, up to this version: its notes can go, but for the newest tombstone. */
  settle(path: string, upTo: WriteStamp): Promise<void>;
  /** What was decided for a path; `undefined` where the journal knows nothing of it. */
  decided(path: string): Promise<Decided | undefined>;
}

/** In mode `all` the heads of the journal say what was decided; an open intent is finished first. Nothing is ever missed, so there are no notes. */
export function notesOfHeads(journal: Journal): RepairNotes {
  return {
    async add() {},
    async *list() {},
    async settle() {},
    async decided(path) {
      await journal.open();
      const newest = await journal.log.head(path);
      if (isOpen(newest)) await journal.finish(newest, undefined, 2);
      const last = (isOpen(newest) ? await journal.log.head(path) : newest)?.last;
      return last ? { state: last.deleted ? "deleted" : "present", stamp: { id: last.id, counter: last.counter } } : undefined;
    },
  };
}
