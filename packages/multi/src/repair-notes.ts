import type { WriteStamp } from "@omni/core";
import type { MissedChange } from "./events.ts";

/** What was decided last for a path. */
export interface Decided {
  readonly state: "present" | "deleted";
  /** Write id and counter of the write, or of the delete. */
  readonly stamp: WriteStamp;
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
  /** Every member holds what was decided for the path: its notes can go. */
  settle(path: string): Promise<void>;
  /** What was decided for a path; `undefined` where the journal knows nothing of it. */
  decided(path: string): Promise<Decided | undefined>;
}
