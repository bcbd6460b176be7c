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

/** A message. */
export interface Item {
  readonly id: string;
  readonly timestamp: number;
  readonly key: string | undefined;
  readonly data: Uint8Array;
}

/** A message in the hands of a group. */
interface Held {
  readonly item: Item;
  attempt: number;
}

const PUBLISH_TIMEOUT_MS = 10_000;
const MOST_DELIVERIES = 5;
// Messages that everybody has settled are let go by so many.
const TRIM = 1_024;

/** What one group has read, and what it has to handle again. */
class ArrayGroup {
  cursor: number;
  /** Taken from the log and not settled. */
  open = 0;
  readonly dead: Item[] = [];
  readonly #again: Held[] = [];
  /** Of each key that is with a handler: what waits behind it. */
  readonly #keys = new Map<string, Held[]>();
  readonly #takers: (() => void)[] = [];

  constructor(cursor: number) {
    this.cursor = cursor;
  }

  /** The next message that may be handled now. */
  take(at: (sequence: number) => Item | undefined): Held | undefined {
    const again = this.#again.shift();
    if (again) return again;
    for (let item = at(this.cursor); item; item = at(this.cursor)) {
      this.cursor += 1;
      this.open += 1;
      const held: Held = { item, attempt: 1 };
      if (item.key === undefined) return held;
      const behind = this.#keys.get(item.key);
      if (!behind) {
        this.#keys.set(item.key, []);
        return held;
      }
      behind.push(held);
    }
    return undefined;
  }

  /** Done with, by success or as a dead letter: the next one of its key may go. */
  settle({ item: { key } }: Held): void {
    this.open -= 1;
    if (key === undefined) return;
    const next = this.#keys.get(key)?.shift();
    if (next) this.#comeAgain(next);
    else this.#keys.delete(key);
  }

  /** Its handler failed: it comes again later, and its key waits. */
  fail(held: Held): void {
    if (held.attempt === MOST_DELIVERIES) {
      this.dead.push(held.item);
      this.settle(held);
      return;
    }
    held.attempt += 1;
    setTimeout(() => this.#comeAgain(held), 100 * 2 ** (held.attempt - 2));
  }

  wait(): Promise<void> {
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  wake(): void {
    this.#takers.shift()?.();
  }

  wakeAll(): void {
    for (const wake of this.#takers.splice(0)) wake();
  }

  #comeAgain(held: Held): void {
    this.#again.push(held);
    this.wake();
  }
}

/**
 * What somebody would write by hand over an array who wants the promises of Omni's memory queue: every message has an id and a time; `publish` says
 * how it ended, waits while the slowest group is full, and gives up at a deadline; every group sees every message; consumers of one group share them;
 * a message takes its place until its handler has succeeded, and comes again later when it failed, until it is put aside; messages of one key are handled one
 * at a time and in order; `close` waits for what is being handled.
 *
 * Left out: counters, tracing, browsing and starting in the past, delays and deadlines of acknowledgements, and every check of what is given.
 */
export class PromisingArrayQueue {
  #items: Item[] = [];
  /** Sequence number of the first of them. */
  #first = 0;
  #isClosed = false;
  readonly #groups = new Map<string, ArrayGroup>();
  readonly #givers: (() => void)[] = [];
  readonly #workers: Promise<void>[] = [];
  readonly #newId: () => string;
  readonly #capacity: number;

  constructor(newId: () => string, most: number) {
    this.#newId = newId;
    this.#capacity = most;
  }

  async publish(data: Uint8Array, key?: string): Promise<{ readonly id: string; readonly state: "acked" }> {
    let until: number | undefined;
    while (this.#isFull() && !this.#isClosed) {
      until ??= Date.now() + PUBLISH_TIMEOUT_MS;
      await this.#room(until);
    }
    if (this.#isClosed) throw new Error("the queue is closed");
    const item: Item = { id: this.#newId(), timestamp: Date.now(), key, data };
    this.#items.push(item);
    for (const group of this.#groups.values()) group.wake();
    return { id: item.id, state: "acked" };
  }

  consume(name: string, handler: (item: Item) => unknown, concurrency = 1): void {
    let group = this.#groups.get(name);
    if (!group) {
      group = new ArrayGroup(this.#first);
      this.#groups.set(name, group);
    }
    for (let worker = 0; worker < concurrency; worker += 1) this.#workers.push(this.#work(group, handler));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const group of this.#groups.values()) group.wakeAll();
    for (const give of this.#givers.splice(0)) give();
    await Promise.all(this.#workers);
  }

  async #work(group: ArrayGroup, handler: (item: Item) => unknown): Promise<void> {
    const at = (sequence: number): Item | undefined => this.#items[sequence - this.#first];
    while (!this.#isClosed) {
      const held = group.take(at);
      if (!held) {
        await group.wait();
        continue;
      }
      try {
        await handler(held.item);
        group.settle(held);
      } catch {
        group.fail(held);
      }
      this.#trim();
      this.#givers.shift()?.();
    }
  }

  #isFull(): boolean {
    const tail = this.#first + this.#items.length;
    let most = this.#groups.size === 0 ? this.#items.length : 0;
    for (const group of this.#groups.values()) most = Math.max(most, tail - group.cursor + group.open);
    return most >= this.#capacity;
  }

  #room(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#givers.splice(this.#givers.indexOf(give), 1);
        reject(new Error("the queue is full"));
      }, until - Date.now());
      const give = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#givers.push(give);
    });
  }

  /** Lets go what every group has taken: a group keeps what it holds itself. */
  #trim(): void {
    let read = Number.POSITIVE_INFINITY;
    for (const group of this.#groups.values()) read = Math.min(read, group.cursor);
    if (read - this.#first < TRIM) return;
    this.#items = this.#items.slice(read - this.#first);
    this.#first = read;
  }
}
