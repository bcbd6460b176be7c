const FIRST_SLOTS = 16;

/**
 * A queue of messages in an array that is reused, addressed by numbers that never repeat: the first message ever is 0. It grows by doubling and
 * never shrinks; bounding it is its owner's business.
 */
export class MessageRing {
  /** Number of the oldest message held. */
  first = 0;
  /** Number that the next message gets. */
  end = 0;
  /** Bytes of the messages held. */
  bytes = 0;
  #slots: (Uint8Array | undefined)[] = [];
  #mask = -1;

  get length(): number {
    return this.end - this.first;
  }

  push(message: Uint8Array): void {
    if (this.end - this.first > this.#mask) this.#grow();
    this.#slots[this.end & this.#mask] = message;
    this.end++;
    this.bytes += message.byteLength;
  }

  /** The message with this number, which must be held. */
  at(number: number): Uint8Array {
    return this.#slots[number & this.#mask] as Uint8Array;
  }

  /** Takes the oldest message out; there must be one. */
  shift(): Uint8Array {
    const slot = this.first & this.#mask;
    const message = this.#slots[slot] as Uint8Array;
    this.#slots[slot] = undefined;
    this.first++;
    this.bytes -= message.byteLength;
    return message;
  }

  /** Lets go of the newest messages, from this number on. */
  truncate(number: number): void {
    while (this.end > Math.max(number, this.first)) {
      this.end--;
      const slot = this.end & this.#mask;
      this.bytes -= (this.#slots[slot] as Uint8Array).byteLength;
      this.#slots[slot] = undefined;
    }
  }

  #grow(): void {
    const slots = new Array<Uint8Array | undefined>(Math.max(FIRST_SLOTS, this.#slots.length * 2)).fill(undefined);
    for (let number = this.first; number < this.end; number++) slots[number & (slots.length - 1)] = this.at(number);
    this.#slots = slots;
    this.#mask = slots.length - 1;
  }
}
