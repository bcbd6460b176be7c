// Queues in one process that somebody would write by hand over an array.

export const capacity = 1_000;

/** The least that a bounded queue in one process can be: an array, an index, and who waits. */
export class ArrayQueue {
  #items: Uint8Array[] = [];
  #first = 0;
  #taker: ((item: Uint8Array) => void) | undefined;
  readonly #givers: (() => void)[] = [];

  async push(item: Uint8Array): Promise<void> {
    while (this.#items.length - this.#first >= capacity) await new Promise<void>((resolve) => this.#givers.push(resolve));
    const taker = this.#taker;
    this.#taker = undefined;
    if (taker) taker(item);
    else this.#items.push(item);
  }

  async take(): Promise<Uint8Array> {
    if (this.#first === this.#items.length)
      return new Promise((resolve) => {
        this.#taker = resolve;
      });
    const item = this.#items[this.#first] as Uint8Array;
    this.#first += 1;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    }
    this.#givers.shift()?.();
    return item;
  }
}

/** A message and what is known of it. */
export interface Item {
  readonly id: string;
  readonly timestamp: number;
  readonly data: Uint8Array;
  attempt: number;
}

/**
 * The same promises as Omni's memory queue where nothing goes wrong: every message has an id and a time, `publish` says how it ended and waits
 * while the queue is full, a message takes its place until its handler has succeeded, and comes again when the handler failed.
 */
export class AcknowledgedArrayQueue {
  #items: Item[] = [];
  #first = 0;
  readonly #out = new Map<string, Item>();
  readonly #givers: (() => void)[] = [];
  #taker: (() => void) | undefined;
  readonly #newId: () => string;
  readonly #capacity: number;

  constructor(newId: () => string, most: number) {
    this.#newId = newId;
    this.#capacity = most;
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
  }

  async publish(data: Uint8Array): Promise<{ readonly id: string; readonly state: "acked" }> {
    while (this.#items.length - this.#first + this.#out.size >= this.#capacity)
      await new Promise<void>((resolve) => this.#givers.push(resolve));
    const item: Item = { id: this.#newId(), timestamp: Date.now(), data, attempt: 1 };
    this.#put(item);
    return { id: item.id, state: "acked" };
  }

  /** Hands messages to a handler, one at a time, until so many are done. */
  async consume(messages: number, handler: (item: Item) => unknown): Promise<number> {
    for (let done = 0; done < messages; ) {
      const item = await this.#take();
      try {
        await handler(item);
        this.#out.delete(item.id);
        this.#givers.shift()?.();
        done += 1;
      } catch {
        // Its handler failed: it comes again.
        this.#out.delete(item.id);
        item.attempt += 1;
        this.#put(item);
      }
    }
    return messages;
  }

  #put(item: Item): void {
    this.#items.push(item);
    this.#taker?.();
    this.#taker = undefined;
  }

  async #take(): Promise<Item> {
    while (this.#first === this.#items.length)
      await new Promise<void>((resolve) => {
        this.#taker = resolve;
      });
    const item = this.#items[this.#first] as Item;
    this.#first += 1;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    }
    this.#out.set(item.id, item);
    return item;
  }
}
