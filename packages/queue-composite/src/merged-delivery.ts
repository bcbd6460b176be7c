import type { DriverDelivery, ReceivedMessage } from "@omni/core/queue";
import type { Member } from "./member.ts";
import type { MergedSubscription } from "./merged-subscription.ts";
import type { Copy, Twins } from "./twins.ts";

/** A delivery of one member, as the application of the composite gets it. */
export class MergedDelivery implements DriverDelivery, Copy {
  readonly member: Member;
  readonly delivery: DriverDelivery;
  readonly owner: MergedSubscription;
  readonly message: ReceivedMessage;
  attempt: number;
  readonly #id: string | undefined;
  readonly #twins: Twins | undefined;
  #out = false;

  constructor(
    member: Member,
    delivery: DriverDelivery,
    id: string | undefined,
    twins: Twins | undefined,
    owner: MergedSubscription,
  ) {
    this.member = member;
    this.delivery = delivery;
    this.message = delivery.message;
    this.attempt = delivery.attempt;
    this.owner = owner;
    this.#id = id;
    this.#twins = twins;
  }

  get signal(): AbortSignal | undefined {
    return this.delivery.signal;
  }

  owned(): boolean {
    return this.delivery.owned?.() ?? true;
  }

  /** It goes to the application, and counts as in flight until it is settled or lost. */
  leave(): void {
    this.#out = true;
    this.member.counters.consumed += 1;
    this.delivery.signal?.addEventListener("abort", this.#released, { once: true });
  }

  hand(attempt: number): boolean {
    this.attempt = attempt;
    return this.owner.offer(this);
  }

  async ack(): Promise<void> {
    this.member.counters.acked += 1;
    await this.#finish("handled", () => this.delivery.ack());
  }

  async term(reason: string): Promise<void> {
    await this.#finish("terminated", () => this.delivery.term(reason));
  }

  async nack(delayMs: number): Promise<void> {
    this.member.counters.nacked += 1;
    // First: the broker may deliver it again before its word comes.
    if (this.#id !== undefined) this.#twins?.again(this.#id, this);
    try {
      await this.delivery.nack(delayMs);
    } finally {
      this.#released();
    }
  }

  async extend(): Promise<void> {
    await this.delivery.extend();
    if (this.#id !== undefined) await this.#twins?.extend(this.#id);
  }

  /** It never reached the application. */
  async giveBack(): Promise<void> {
    if (this.#id !== undefined) this.#twins?.again(this.#id, this);
    if (this.owned()) await this.delivery.nack(0);
  }

  // Done whatever the broker says: the handler has run. Where the broker did not take the word, the message comes again and is suppressed.
  async #finish(how: "handled" | "terminated", call: () => Promise<void> | void): Promise<void> {
    if (this.#id !== undefined) this.#twins?.settling(this.#id);
    try {
      await call();
    } finally {
      const copies = this.#id === undefined ? undefined : this.#twins?.done(this.#id, how);
      this.#released();
      await copies;
    }
  }

  readonly #released = (): void => {
    if (!this.#out) return;
    this.#out = false;
    this.delivery.signal?.removeEventListener("abort", this.#released);
    this.owner.released();
  };
}
