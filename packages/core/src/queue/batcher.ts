import type { Clock } from "../clock.ts";
import { checkCount, checkMs } from "./check.ts";
import { wireSize } from "./envelope.ts";
import type { PublishEntry } from "./parcel.ts";
import type { BatchOptions } from "./provider.ts";

interface Gathered {
  entries: PublishEntry[];
  bytes: number;
  timer: unknown;
}

/** Gathers messages per topic and sends them on after a time, a number or a size. */
export class Batcher {
  readonly #lingerMs: number;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  readonly #submit: (topic: string, entries: readonly PublishEntry[]) => void;
  readonly #topics = new Map<string, Gathered>();

  constructor(options: BatchOptions, clock: Clock, submit: (topic: string, entries: readonly PublishEntry[]) => void) {
    this.#lingerMs = checkMs("batch.lingerMs", options.lingerMs ?? 5);
    this.#maxMessages = checkCount("batch.maxMessages", options.maxMessages ?? 500);
    this.#maxBytes = checkCount("batch.maxBytes", options.maxBytes ?? 1_048_576);
    this.#clock = clock;
    this.#submit = submit;
  }

  add(entry: PublishEntry): void {
    const { topic } = entry.message;
    const size = wireSize(entry.wire);
    let gathered = this.#topics.get(topic);
    if (gathered && gathered.bytes + size > this.#maxBytes) {
      this.#go(topic, gathered);
      gathered = undefined;
    }
    if (!gathered) {
      const fresh: Gathered = { entries: [], bytes: 0, timer: undefined };
      fresh.timer = this.#clock.setTimeout(() => this.#go(topic, fresh), this.#lingerMs);
      this.#topics.set(topic, fresh);
      gathered = fresh;
    }
    gathered.entries.push(entry);
    gathered.bytes += size;
    if (gathered.entries.length >= this.#maxMessages || gathered.bytes >= this.#maxBytes) this.#go(topic, gathered);
  }

  /** Sends everything that waits. */
  flush(): void {
    for (const [topic, gathered] of [...this.#topics]) this.#go(topic, gathered);
  }

  #go(topic: string, gathered: Gathered): void {
    this.#clock.clearTimeout(gathered.timer);
    if (this.#topics.get(topic) === gathered) this.#topics.delete(topic);
    this.#submit(topic, gathered.entries);
  }
}
