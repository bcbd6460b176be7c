import type { ChannelReader } from "./channel-reader.ts";
import type { Delivery } from "./delivery.ts";
import type { MessageRing } from "./message-ring.ts";

/** Persistent `pubsub`: each reader has a place of its own, from the first message ever stored. Nothing leaves the ring. */
export class SubscriptionWithReplay implements Delivery {
  readonly exclusive = false;
  readonly #ring: MessageRing;

  constructor(ring: MessageRing) {
    this.#ring = ring;
  }

  join(reader: ChannelReader): void {
    reader.place = this.#ring.first;
  }

  leave(): void {}

  take(reader: ChannelReader): Uint8Array | undefined {
    return reader.place < this.#ring.end && reader.place < reader.epoch.end
      ? new Uint8Array(this.#ring.at(reader.place++))
      : undefined;
  }

  opened(): void {}

  ended(): void {}

  truncated(): void {}
}

/** Messages that readers who joined by `start` compete for. The last run is open: its end is the ring's. */
interface Run {
  readonly start: number;
  next: number;
  end: number;
}

/**
 * Persistent `queue`: a reader is replayed what was stored when it joined, then competes for what came after. Nothing leaves the ring.
 *
 * Who joins while older readers have messages to compete for gets these by replay and must not take them again: a new run of messages starts there.
 */
export class CompetitionWithReplay implements Delivery {
  readonly exclusive = true;
  readonly #ring: MessageRing;
  readonly #readers: Set<ChannelReader> = new Set();
  #runs: Run[];

  constructor(ring: MessageRing) {
    this.#ring = ring;
    this.#runs = [openRun(ring.end)];
  }

  join(reader: ChannelReader): void {
    reader.place = this.#ring.first;
    reader.joined = this.#ring.end;
    if (this.#readers.size === 0) this.#runs = [openRun(this.#ring.end)];
    else this.opened();
    this.#readers.add(reader);
  }

  leave(reader: ChannelReader): void {
    this.#readers.delete(reader);
    let earliest = this.#ring.end;
    for (const { joined } of this.#readers) earliest = Math.min(earliest, joined);
    // Messages that nobody is left to compete for reach the next reader by replay.
    this.#runs = this.#runs.filter((run) => run.end === Number.POSITIVE_INFINITY || run.start >= earliest);
    if (this.#readers.size === 0) this.#runs = [openRun(this.#ring.end)];
  }

  take(reader: ChannelReader): Uint8Array | undefined {
    const ring = this.#ring;
    if (reader.place < reader.joined) return new Uint8Array(ring.at(reader.place++));
    for (let i = 0; i < this.#runs.length; i++) {
      const run = this.#runs[i] as Run;
      if (run.start < reader.joined) continue;
      if (run.next >= Math.min(run.end, ring.end)) continue;
      if (run.next >= reader.epoch.end) return undefined;
      const message = new Uint8Array(ring.at(run.next++));
      if (run.next === run.end) this.#runs.splice(i, 1);
      return message;
    }
    return undefined;
  }

  opened(): void {
    const last = this.#runs.at(-1) as Run;
    const { end } = this.#ring;
    if (last.start === end) return;
    if (last.next === end) this.#runs.pop();
    else last.end = end;
    this.#runs.push(openRun(end));
  }

  ended(): void {}

  truncated(number: number): void {
    this.#runs = this.#runs.filter((run) => run.start < number && run.end !== Number.POSITIVE_INFINITY);
    this.#runs.push(openRun(number));
  }
}

function openRun(start: number): Run {
  return { start, next: start, end: Number.POSITIVE_INFINITY };
}
