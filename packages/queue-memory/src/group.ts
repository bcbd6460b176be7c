import { type Clock, OmniError } from "@omni/core";
import { DeliveryList, MemoryDelivery } from "./delivery.ts";
import { Schedule } from "./schedule.ts";
import type { MemorySubscription } from "./subscription.ts";
import type { Topic } from "./topic.ts";

/** A group of consumers that share the messages of a topic. It stays when its last consumer leaves, and keeps its place. */
export class Group {
  readonly #topic: Topic;
  readonly #clock: Clock;
  readonly #ackDeadlineMs: number | undefined;
  /** Next message that was never delivered. */
  cursor: number;
  /** Deliveries that are out, in the order in which their deadlines pass. */
  readonly #out = new DeliveryList();
  /** What is to be delivered again, in publish order. */
  readonly #again = new DeliveryList();
  readonly #delayed: Schedule;
  /** Consumers that wait for a message, first come, first served. */
  #waiting: MemorySubscription[] = [];
  #deadline: unknown;

  constructor(topic: Topic, cursor: number, clock: Clock, ackDeadlineMs: number | undefined) {
    this.#topic = topic;
    this.cursor = cursor;
    this.#clock = clock;
    this.#ackDeadlineMs = ackDeadlineMs;
    this.#delayed = new Schedule(clock, (delivery) => {
      this.#again.insert(delivery);
      this.deliver();
    });
  }

  /** Messages that this group has not settled. */
  get backlog(): number {
    return this.#topic.ring.tail - this.cursor + this.#out.size + this.#again.size + this.#delayed.size;
  }

  /** Sequence number of the next message that will be published. */
  get tail(): number {
    return this.#topic.ring.tail;
  }

  /** The next message for a consumer that may take one, if there is one now. */
  take(owner: MemorySubscription): MemoryDelivery | undefined {
    const again = this.#again.first;
    if (again) {
      this.#again.remove(again);
      return this.#hand(new MemoryDelivery(again.message, again.sequence, again.attempt + 1, this, owner));
    }
    return this.#takeNew(owner);
  }

  /** The next message if it was never delivered and is older than a sequence number: one that comes again waits for another turn. */
  takeBefore(end: number, owner: MemorySubscription): MemoryDelivery | undefined {
    return this.#again.first || this.cursor >= end ? undefined : this.#takeNew(owner);
  }

  #takeNew(owner: MemorySubscription): MemoryDelivery | undefined {
    const { ring } = this.#topic;
    if (this.cursor === ring.tail) return undefined;
    const sequence = this.cursor;
    this.cursor += 1;
    return this.#hand(new MemoryDelivery(ring.at(sequence), sequence, 1, this, owner));
  }

  /** A consumer waits for a message. */
  wait(subscription: MemorySubscription): void {
    if (!this.#waiting.includes(subscription)) this.#waiting.push(subscription);
  }

  leave(subscription: MemorySubscription): void {
    const at = this.#waiting.indexOf(subscription);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** Gives messages to those who wait. */
  deliver(): void {
    for (let subscription = this.#waiting[0]; subscription; subscription = this.#waiting[0]) {
      const delivery = this.take(subscription);
      if (!delivery) return;
      this.#waiting.shift();
      subscription.receive(delivery);
    }
  }

  settle(delivery: MemoryDelivery): void {
    const owner = this.#take(delivery);
    owner?.released();
    this.#topic.roomMade();
  }

  giveBack(delivery: MemoryDelivery, delayMs: number): void {
    const owner = this.#take(delivery);
    if (delayMs > 0) {
      delivery.dueAt = this.#clock.now() + delayMs;
      this.#delayed.add(delivery);
    } else {
      this.#again.insert(delivery);
    }
    // Only now: what was given back goes before what is new.
    owner?.released();
    this.deliver();
  }

  extend(delivery: MemoryDelivery): void {
    if (this.#ackDeadlineMs === undefined) return;
    this.#out.remove(delivery);
    delivery.expiresAt = this.#clock.now() + this.#ackDeadlineMs;
    this.#out.push(delivery);
  }

  /** What a consumer has, for the moment it leaves. */
  *heldBy(owner: MemorySubscription): Iterable<MemoryDelivery> {
    for (let delivery = this.#out.first; delivery; ) {
      // Who gives it back takes it out of this list.
      const { next }: MemoryDelivery = delivery;
      if (delivery.owner === owner) yield delivery;
      delivery = next;
    }
  }

  close(): void {
    this.#clock.clearTimeout(this.#deadline);
    this.#delayed.clear();
    this.#waiting = [];
  }

  #hand(delivery: MemoryDelivery): MemoryDelivery {
    this.#out.push(delivery);
    if (this.#ackDeadlineMs !== undefined) {
      delivery.expiresAt = this.#clock.now() + this.#ackDeadlineMs;
      this.#deadline ??= this.#clock.setTimeout(() => this.#takeAway(), this.#ackDeadlineMs);
    }
    return delivery;
  }

  #take(delivery: MemoryDelivery): MemorySubscription | undefined {
    this.#out.remove(delivery);
    const { owner } = delivery;
    delivery.owner = undefined;
    return owner;
  }

  #takeAway(): void {
    this.#deadline = undefined;
    const now = this.#clock.now();
    for (let first = this.#out.first; first && first.expiresAt <= now; first = this.#out.first) {
      this.giveBack(first, 0);
      first.lose(
        new OmniError("TIMEOUT", {
          reason: `not acknowledged within ${this.#ackDeadlineMs} ms: another consumer gets the message`,
        }),
      );
    }
    const next = this.#out.first;
    if (next) this.#deadline ??= this.#clock.setTimeout(() => this.#takeAway(), Math.max(1, next.expiresAt - now));
  }
}
