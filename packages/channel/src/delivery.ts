import type { ChannelReader } from "./channel-reader.ts";
import type { Epoch } from "./epoch.ts";
import type { MessageRing } from "./message-ring.ts";

/** Which reader gets which message: one rule for each mode, with and without replay. */
export interface Delivery {
  /** Whether a message goes to one reader, so that when one waits in vain, all do. */
  readonly exclusive: boolean;
  /** A reader takes its place in an epoch. */
  join(reader: ChannelReader, epoch: Epoch): void;
  /** A reader goes, or has had everything. */
  leave(reader: ChannelReader): void;
  /** The next message for a reader, if there is one. */
  take(reader: ChannelReader): Uint8Array | undefined;
  /** A new epoch starts at the ring's end. */
  opened(): void;
  /** An epoch ended: readers that had everything are not waited for. */
  ended(epoch: Epoch): void;
  /** The messages from this number on are withdrawn. */
  truncated(number: number): void;
}

/** `queue`: readers compete for the oldest message, which leaves the ring with whoever takes it. */
export class Competition implements Delivery {
  readonly exclusive = true;
  readonly #ring: MessageRing;

  constructor(ring: MessageRing) {
    this.#ring = ring;
  }

  join(): void {}

  leave(): void {}

  take(reader: ChannelReader): Uint8Array | undefined {
    const ring = this.#ring;
    return ring.first < ring.end && ring.first < reader.epoch.end ? ring.shift() : undefined;
  }

  opened(): void {}

  ended(): void {}

  truncated(): void {}
}

/**
 * `pubsub`: each reader has a place of its own. A message leaves the ring when every reader there has taken it; while there is none, messages stay
 * for the next one.
 */
export class Subscription implements Delivery {
  readonly exclusive = false;
  readonly #ring: MessageRing;
  readonly #readers: Set<ChannelReader> = new Set();
  /** How many readers stand at the ring's first message: it leaves when the last of them has taken it. */
  #atFirst = 0;

  constructor(ring: MessageRing) {
    this.#ring = ring;
  }

  /** The first reader finds what waited for it, and so does one that comes to the rest of an ended epoch; any other gets what is written from now on. */
  join(reader: ChannelReader, epoch: Epoch): void {
    const ring = this.#ring;
    reader.place = this.#readers.size === 0 || !epoch.isOpen ? ring.first : ring.end;
    this.#readers.add(reader);
    if (reader.place === ring.first) this.#atFirst++;
  }

  leave(reader: ChannelReader): void {
    if (this.#readers.delete(reader) && reader.place === this.#ring.first) this.#moveOn();
  }

  take(reader: ChannelReader): Uint8Array | undefined {
    const ring = this.#ring;
    const { place } = reader;
    if (place >= ring.end || place >= reader.epoch.end) return undefined;
    // Each reader owns what it gets and may change it.
    const message = new Uint8Array(ring.at(place));
    reader.place = place + 1;
    if (place === ring.first) this.#moveOn();
    if (place + 1 === reader.epoch.end) this.leave(reader);
    return message;
  }

  opened(): void {}

  ended(epoch: Epoch): void {
    for (const reader of epoch.readers) if (reader.place >= epoch.end) this.leave(reader);
  }

  truncated(): void {
    this.#count();
  }

  #moveOn(): void {
    this.#atFirst--;
    if (this.#atFirst > 0 || this.#readers.size === 0) return;
    let slowest = Number.POSITIVE_INFINITY;
    for (const { place } of this.#readers) slowest = Math.min(slowest, place);
    while (this.#ring.first < slowest) this.#ring.shift();
    this.#count();
  }

  #count(): void {
    this.#atFirst = 0;
    for (const { place } of this.#readers) if (place === this.#ring.first) this.#atFirst++;
  }
}
