import { OmniError } from "@omni/core";
import { type DriverPublishOptions, type PublishOutcome, type WireMessage, whenAborted } from "@omni/core/queue";
import { Group } from "./group.ts";
import type { MemorySettings } from "./options.ts";
import { Ring } from "./ring.ts";

/** A publish that waits for room. */
interface Waiter {
  readonly batch: readonly WireMessage[];
  readonly outcomes: PublishOutcome[];
  readonly finish: () => void;
}

/** The messages and the groups of one topic. */
export class Topic {
  readonly name: string;
  readonly ring: Ring;
  readonly #settings: MemorySettings;
  readonly #groups = new Map<string, Group>();
  readonly #waiters = new Set<Waiter>();
  /** Ids within the dedupe window with the time they are forgotten at, the oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(name: string, settings: MemorySettings) {
    this.name = name;
    this.#settings = settings;
    this.ring = new Ring(Math.max(settings.capacity, settings.history));
  }

  /** Messages that the slowest group has not settled; without a group, all that are kept. */
  get backlog(): number {
    if (this.#groups.size === 0) return this.ring.size;
    let most = 0;
    for (const group of this.#groups.values()) most = Math.max(most, group.backlog);
    return most;
  }

  /** Joins a group, made where it is new. */
  join(name: string, from: "earliest" | "latest" | number): Group {
    let group = this.#groups.get(name);
    if (!group) {
      const { clock, ackDeadlineMs } = this.#settings;
      group = new Group(this, this.#startAt(from), clock, ackDeadlineMs);
      this.#groups.set(name, group);
      // Before the first group everything counted against the capacity; now only what this one has not read.
      this.roomMade();
    }
    return group;
  }

  backlogOf(name: string): number | undefined {
    return this.#groups.get(name)?.backlog;
  }

  /** Forgets a group and its place. */
  removeGroup(name: string): void {
    this.#groups.get(name)?.close();
    this.#groups.delete(name);
    this.roomMade();
  }

  publish(
    batch: readonly WireMessage[],
    options: DriverPublishOptions,
  ): Promise<readonly PublishOutcome[]> | readonly PublishOutcome[] {
    const outcomes: PublishOutcome[] = [];
    // Those who wait go first: calls take effect in their order.
    if (this.#waiters.size === 0) this.#takeIn(batch, outcomes);
    if (outcomes.length === batch.length) return outcomes;
    if (this.#settings.whenFull === "reject" || options.waitForRoom === false) {
      const error = this.#full();
      while (outcomes.length < batch.length) outcomes.push({ state: "rejected", error });
      return outcomes;
    }
    return this.#wait(batch, outcomes, options);
  }

  /** Something was settled: those who wait for room may go on. */
  roomMade(): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) {
      this.#takeIn(waiter.batch, waiter.outcomes);
      if (waiter.outcomes.length < waiter.batch.length) return;
      waiter.finish();
    }
  }

  close(): void {
    for (const group of this.#groups.values()) group.close();
  }

  #wait(
    batch: readonly WireMessage[],
    outcomes: PublishOutcome[],
    options: DriverPublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    return new Promise((resolve) => {
      let stop = (): void => undefined;
      const waiter: Waiter = {
        batch,
        outcomes,
        finish: () => {
          this.#waiters.delete(waiter);
          stop();
          resolve(outcomes);
        },
      };
      const giveUp = (): void => {
        const error = this.#full();
        while (outcomes.length < batch.length) outcomes.push({ state: "rejected", error });
        waiter.finish();
        this.roomMade();
      };
      this.#waiters.add(waiter);
      stop = whenAborted(options, giveUp);
    });
  }

  /** Takes in as much of a batch as there is room for. */
  #takeIn(batch: readonly WireMessage[], outcomes: PublishOutcome[]): void {
    const { capacity, clock, dedupeWindowMs } = this.#settings;
    const now = clock.now();
    let room = capacity - this.backlog;
    for (let message = batch[outcomes.length]; message && room > 0; message = batch[outcomes.length]) {
      if (dedupeWindowMs > 0 && this.#isSeen(message.id, now)) {
        outcomes.push(DUPLICATE);
        continue;
      }
      this.ring.push(message, now);
      outcomes.push(ACKED);
      room -= 1;
    }
    for (const group of this.#groups.values()) group.deliver();
  }

  #isSeen(id: string, now: number): boolean {
    for (const [old, until] of this.#seen) {
      if (until > now) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(id)) return true;
    this.#seen.set(id, now + this.#settings.dedupeWindowMs);
    return false;
  }

  #startAt(from: "earliest" | "latest" | number): number {
    if (from === "earliest") return this.ring.head;
    return from === "latest" ? this.ring.tail : this.ring.firstSince(from);
  }

  #full(): OmniError {
    const { capacity, whenFull } = this.#settings;
    const nobody =
      this.#groups.size === 0 ? "nobody has subscribed to it" : `its slowest group has not settled ${this.backlog} messages`;
    const remedy =
      whenFull === "reject"
        ? 'add a consumer, raise `capacity`, or choose `whenFull: "wait"`'
        : "add a consumer, or raise `capacity`";
    const reason = `the queue is full: the topic holds ${capacity} messages and ${nobody}; ${remedy}`;
    return new OmniError("QUEUE_FULL", { reason, retryable: true, outcome: "not-applied" });
  }
}

const ACKED: PublishOutcome = Object.freeze({ state: "acked" });
const DUPLICATE: PublishOutcome = Object.freeze({ state: "duplicate" });
