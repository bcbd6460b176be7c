import type { ChannelReader } from "./channel-reader.ts";
import type { ChannelWriter } from "./channel-writer.ts";
import type { Failure } from "./errors.ts";

/**
 * One stream through a path: from its first reader or writer to the close of its last writer. A later writer opens the next. Readers belong to the
 * epoch that they joined and end with it.
 */
export class Epoch {
  /** Number of its first message. */
  readonly start: number;
  /** Number after its last message; infinite while it is open. */
  end: number = Number.POSITIVE_INFINITY;
  readonly writers: Set<ChannelWriter> = new Set();
  hadWriter = false;
  readonly readers: Set<ChannelReader> = new Set();
  /** Why it ended, when not by its last writer's close. */
  failure: Failure | undefined;

  constructor(start: number) {
    this.start = start;
  }

  get isOpen(): boolean {
    return this.end === Number.POSITIVE_INFINITY;
  }
}
