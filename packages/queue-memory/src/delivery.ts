import { OmniError } from "@omni/core";
import type { DriverDelivery, WireMessage } from "@omni/core/queue";
import type { Group } from "./group.ts";
import type { MemorySubscription } from "./subscription.ts";

/** One handing over of a message to one consumer. A redelivery is another object: settles of the former one have no effect. */
export class MemoryDelivery implements DriverDelivery {
  readonly message: WireMessage;
  readonly sequence: number;
  readonly attempt: number;
  readonly #group: Group;
  /** Who has it; `undefined` once it was settled, given back or taken away. */
  owner: MemorySubscription | undefined;
  /** When it is to be delivered again: milliseconds since the epoch. */
  dueAt = 0;
  /** When it is taken away unless it is settled or extended. */
  expiresAt = 0;
  /** Neighbours in the list of deliveries that are out, or that wait to be delivered again. */
  previous: MemoryDelivery | undefined = undefined;
  next: MemoryDelivery | undefined = undefined;
  #lost: AbortController | undefined;

  constructor(message: WireMessage, sequence: number, attempt: number, group: Group, owner: MemorySubscription) {
    this.message = message;
    this.sequence = sequence;
    this.attempt = attempt;
    this.#group = group;
    this.owner = owner;
  }

  get signal(): AbortSignal {
    this.#lost ??= new AbortController();
    if (!this.owner) this.#lost.abort();
    return this.#lost.signal;
  }

  owned(): boolean {
    return this.owner !== undefined;
  }

  ack(): void {
    this.#check();
    this.#group.settle(this);
  }

  nack(delayMs: number): void {
    this.#check();
    this.#group.giveBack(this, delayMs);
  }

  term(): void {
    this.#check();
    this.#group.settle(this);
  }

  extend(): void {
    this.#check();
    this.#group.extend(this);
  }

  /** Its time is over: another gets it. */
  lose(reason: unknown): void {
    this.#lost?.abort(reason);
  }

  #check(): void {
    if (this.owner) return;
    const reason = "the delivery is no longer this consumer's: its acknowledgement deadline passed or its subscription was closed";
    throw new OmniError("PRECONDITION_FAILED", { reason, outcome: "not-applied" });
  }
}

/** Deliveries in a row, linked through themselves. */
export class DeliveryList {
  first: MemoryDelivery | undefined;
  #last: MemoryDelivery | undefined;
  size = 0;

  push(delivery: MemoryDelivery): void {
    delivery.previous = this.#last;
    delivery.next = undefined;
    if (this.#last) this.#last.next = delivery;
    else this.first = delivery;
    this.#last = delivery;
    this.size += 1;
  }

  remove(delivery: MemoryDelivery): void {
    if (delivery.previous) delivery.previous.next = delivery.next;
    else this.first = delivery.next;
    if (delivery.next) delivery.next.previous = delivery.previous;
    else this.#last = delivery.previous;
    delivery.previous = undefined;
    delivery.next = undefined;
    this.size -= 1;
  }

  /** Puts a delivery where its sequence number belongs, looked for from the end. */
  insert(delivery: MemoryDelivery): void {
    let before = this.#last;
    while (before && before.sequence > delivery.sequence) before = before.previous;
    delivery.previous = before;
    delivery.next = before ? before.next : this.first;
    if (delivery.next) delivery.next.previous = delivery;
    else this.#last = delivery;
    if (before) before.next = delivery;
    else this.first = delivery;
    this.size += 1;
  }
}
