import type { DriverDelivery, DriverSubscription } from "@omni/core/queue";
import type { MemoryDelivery } from "./delivery.ts";
import type { Group } from "./group.ts";

/** One consumer of a group. */
export class MemorySubscription implements DriverSubscription {
  readonly #group: Group;
  readonly #maxInFlight: number;
  readonly #onClose: (subscription: MemorySubscription) => void;
  #inFlight = 0;
  /** Up to which message `poll` gives; `undefined` until it is asked. */
  #pollEnd: number | undefined;
  #stopped = false;
  #closed = false;
  #resolve: ((delivery: MemoryDelivery | undefined | Promise<MemoryDelivery>) => void) | undefined;

  constructor(group: Group, maxInFlight: number, onClose: (subscription: MemorySubscription) => void) {
    this.#group = group;
    this.#maxInFlight = maxInFlight;
    this.#onClose = onClose;
  }

  next(): Promise<DriverDelivery | undefined> {
    this.#pollEnd = undefined;
    if (this.#stopped) return Promise.resolve(undefined);
    if (this.#inFlight < this.#maxInFlight) {
      const delivery = this.#group.take(this);
      if (delivery) {
        this.#inFlight += 1;
        return delivery.attempt === 1 ? Promise.resolve(delivery) : inAnotherTurn(delivery);
      }
    }
    return new Promise((resolve) => {
      this.#resolve = resolve;
      if (this.#inFlight < this.#maxInFlight) this.#group.wait(this);
    });
  }

  /** What was there when it was asked first: a handler that publishes must not keep all others from their turn. */
  poll(): DriverDelivery | undefined {
    if (this.#stopped || this.#inFlight >= this.#maxInFlight) return undefined;
    this.#pollEnd ??= this.#group.tail;
    const delivery = this.#group.takeBefore(this.#pollEnd, this);
    if (delivery) this.#inFlight += 1;
    return delivery;
  }

  /** The message that this consumer waited for. */
  receive(delivery: MemoryDelivery): void {
    this.#inFlight += 1;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(delivery.attempt === 1 ? delivery : inAnotherTurn(delivery));
  }

  /** A delivery was settled, given back or taken away: there is room for another. */
  released(): void {
    this.#inFlight -= 1;
    if (!this.#resolve || this.#stopped) return;
    const delivery = this.#group.take(this);
    if (!delivery) {
      this.#group.wait(this);
      return;
    }
    // What comes next is for who waits then.
    this.#group.leave(this);
    this.receive(delivery);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#group.leave(this);
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(undefined);
  }

  async close(): Promise<void> {
    await this.stop();
    if (this.#closed) return;
    this.#closed = true;
    for (const delivery of this.#group.heldBy(this)) this.#group.giveBack(delivery, 0);
    this.#onClose(this);
  }
}

// A message that always fails must not keep timers and sockets from their turn.
function inAnotherTurn(delivery: MemoryDelivery): Promise<MemoryDelivery> {
  return new Promise((resolve) => setImmediate(resolve, delivery));
}
