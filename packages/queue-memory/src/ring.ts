import type { WireMessage } from "@omni/core/queue";

const FIRST_SLOTS = 16;

/**
 * The messages of a topic by sequence number: the newest `limit` of them, older ones give way. Slots are reused, so that a message costs no object
 * beside itself; the arrays grow with use up to the limit.
 */
export class Ring {
  readonly #limit: number;
  #messages: (WireMessage | undefined)[] = new Array(FIRST_SLOTS);
  #times = new Float64Array(FIRST_SLOTS);
  /** Sequence number of the oldest message kept. */
  head = 0;
  /** Sequence number of the next message. */
  tail = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.tail - this.head;
  }

  push(message: WireMessage, time: number): number {
    if (this.size === this.#limit) this.dropBefore(this.head + 1);
    if (this.size === this.#messages.length) this.#grow();
    const slot = this.tail & (this.#messages.length - 1);
    this.#messages[slot] = message;
    this.#times[slot] = time;
    return this.tail++;
  }

  at(sequence: number): WireMessage {
    return this.#messages[sequence & (this.#messages.length - 1)] as WireMessage;
  }

  timeAt(sequence: number): number {
    return this.#times[sequence & (this.#messages.length - 1)] as number;
  }

  /** Forgets everything before a sequence number. */
  dropBefore(sequence: number): void {
    while (this.head < sequence) {
      this.#messages[this.head & (this.#messages.length - 1)] = undefined;
      this.head += 1;
    }
  }

  /** The first sequence number at or after a time. */
  firstSince(time: number): number {
    let low = this.head;
    let high = this.tail;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timeAt(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const messages: (WireMessage | undefined)[] = new Array(this.#messages.length * 2);
    const times = new Float64Array(messages.length);
    for (let sequence = this.head; sequence < this.tail; sequence++) {
      messages[sequence & (messages.length - 1)] = this.at(sequence);
      times[sequence & (messages.length - 1)] = this.timeAt(sequence);
    }
    this.#messages = messages;
    this.#times = times;
  }
}
