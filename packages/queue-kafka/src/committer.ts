import type { Clock, Logger } from "@omni/core";
import type { Member } from "./member.ts";
import type { KafkaSettings } from "./options.ts";
import type { Partition } from "./partition.ts";

const CLOSE_MS = 5_000;

/**
 * Commits what is done, one request at a time and not more often than every so many milliseconds. kafkajs's own commits are off: they cover what
 * was fetched, not what was done (https://github.com/tulios/kafkajs/issues/540).
 */
export class Committer {
  readonly #member: Member;
  readonly #partitions: ReadonlyMap<number, Partition>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #everyMs: number;
  #timer: unknown;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(member: Member, partitions: ReadonlyMap<number, Partition>, settings: KafkaSettings) {
    this.#member = member;
    this.#partitions = partitions;
    this.#clock = settings.clock;
    this.#logger = settings.logger;
    this.#everyMs = settings.commitEveryMs;
  }

  /** Something is done. */
  later(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.flushSoon();
    }, this.#everyMs);
  }

  /** The group is about to agree anew: what is committed now does not come again. */
  flushSoon(): void {
    this.#running ??= this.#commit().finally(() => {
      this.#running = undefined;
    });
  }

  /** Commits what is done, as far as the broker answers in time. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    let timer: unknown;
    const over = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, CLOSE_MS);
    });
    const last = (async () => {
      await this.#running;
      await this.#commit();
    })();
    await Promise.race([last, over]);
    this.#clock.clearTimeout(timer);
  }

  async #commit(): Promise<void> {
    // Only of partitions that are this member's now: the broker takes the commit of any member for any partition.
    const dirty = [...this.#partitions.values()].filter((partition) => partition.isDirty);
    if (dirty.length === 0) return;
    const offsets = new Map(dirty.map((partition) => [partition.number, partition.position as number]));
    try {
      await this.#member.commit(offsets);
      for (const partition of dirty) partition.committed = offsets.get(partition.number);
    } catch (error) {
      // It comes again at worst; what is done stays done as long as the partition stays here.
      this.#logger.debug({ error: String(error) }, "a commit failed and is tried again");
      this.later();
    }
  }
}
