import { type BrowsedMessage, type DriverBrowseOptions, newId } from "@omni/core/queue";
import type { ClientAdmin, ClientBatch, KafkaClient } from "./client.ts";
import type { AdminConnection } from "./connection.ts";
import { isMissingTopic } from "./errors.ts";
import { Member } from "./member.ts";
import type { KafkaSettings } from "./options.ts";
import { toReceived } from "./record.ts";

/** Messages that wait to be taken by whoever browses. */
const AHEAD = 256;
const BEAT_MS = 500;

/** Offsets of a partition, from the first on and without the last. */
interface Stretch {
  next: number;
  readonly end: number;
}

/** What browsing works with. */
export interface BrowseParts {
  readonly client: KafkaClient;
  readonly admin: AdminConnection;
  readonly settings: KafkaSettings;
}

/**
 * Reads a window of a topic without consuming it: a group of its own that never commits, and is removed afterwards. In order within each partition;
 * `last` gives the latest by time over all of them.
 */
export async function* browseTopic(
  parts: BrowseParts,
  topic: string,
  window: DriverBrowseOptions,
): AsyncGenerator<BrowsedMessage, undefined, undefined> {
  const { from, until, last, signal } = window;
  const stretches = await stretchesOf(parts.admin, topic, window);
  signal?.throwIfAborted();
  if (stretches.size === 0) return;
  const inWindow = (message: BrowsedMessage): boolean =>
    (from === undefined || message.timestamp >= from) && (until === undefined || message.timestamp < until);
  const reading = new Reading(parts, topic, stretches, signal);
  try {
    if (last === undefined) {
      for await (const message of reading.messages()) if (inWindow(message)) yield message;
      return;
    }
    const latest: BrowsedMessage[] = [];
    for await (const message of reading.messages()) {
      if (!inWindow(message)) continue;
      latest.push(message);
      if (latest.length > last * stretches.size) keepLatest(latest, last);
    }
    keepLatest(latest, last);
    yield* latest;
  } finally {
    await reading.close();
  }
}

// Sorting keeps the order of equal times, and so that of each partition.
function keepLatest(messages: BrowsedMessage[], last: number): void {
  messages.sort((a, b) => a.timestamp - b.timestamp);
  messages.splice(0, messages.length - last);
}

async function stretchesOf(
  connection: AdminConnection,
  topic: string,
  { from, until, last }: DriverBrowseOptions,
): Promise<Map<number, Stretch>> {
  return connection.ask(async (admin) => {
    const ranges = await rangesOf(admin, topic);
    const since = from === undefined ? undefined : await admin.offsetsAt(topic, from);
    const before = until === undefined ? undefined : await admin.offsetsAt(topic, until);
    const found = new Map<number, Stretch>();
    for (const { partition, low, high } of ranges) {
      const end = Math.min(high, before?.get(partition) ?? high);
      let next = Math.max(low, since?.get(partition) ?? low);
      // The last of a partition cannot lie further back than this, unless records were compacted away: then there are fewer.
      if (last !== undefined) next = Math.max(next, end - last);
      if (next < end) found.set(partition, { next, end });
    }
    return found;
  });
}

async function rangesOf(admin: ClientAdmin, topic: string) {
  try {
    return await admin.ranges(topic);
  } catch (error) {
    // Looking makes no topic, and finds nothing where none is.
    if (isMissingTopic(error)) return [];
    throw error;
  }
}

/** The consumer of one look. */
class Reading {
  readonly #parts: BrowseParts;
  readonly #stretches: Map<number, Stretch>;
  readonly #member: Member;
  readonly #group: string = `omni-browse-${newId()}`;
  readonly #signal: AbortSignal | undefined;
  readonly #found: BrowsedMessage[] = [];
  readonly #changed = new Set<() => void>();
  readonly #onAbort = (): void => this.#wake();
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  constructor(parts: BrowseParts, topic: string, stretches: Map<number, Stretch>, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#stretches = stretches;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#member = new Member(parts.client, parts.settings, this.#group, topic, {
      onJoin: () => this.#seek(),
      onRebalancing: () => undefined,
      onBatch: (batch) => this.#receive(batch),
      onPassed: (partition, last) => this.#pass(partition, last + 1),
      onRestart: () => undefined,
      onEnd: (error) => {
        this.#failure = { error };
        this.#wake();
      },
    });
    this.#member.start();
  }

  async *messages(): AsyncGenerator<BrowsedMessage, undefined, undefined> {
    for (;;) {
      this.#signal?.throwIfAborted();
      if (this.#failure) throw this.#failure.error;
      for (let message = this.#found.shift(); message; message = this.#found.shift()) {
        this.#wake();
        yield message;
        this.#signal?.throwIfAborted();
      }
      if (this.#isDone) return;
      await this.#change();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#wake();
    await this.#member.stop();
    try {
      await this.#parts.admin.ask((admin) => admin.deleteGroup(this.#group));
    } catch (error) {
      // An empty group without offsets: the broker removes it by itself.
      this.#parts.settings.logger.debug({ group: this.#group, error: String(error) }, "the group of a look was not removed");
    }
  }

  get #isDone(): boolean {
    for (const { next, end } of this.#stretches.values()) if (next < end) return false;
    return this.#found.length === 0;
  }

  #seek(): void {
    for (const [partition, { next }] of this.#stretches) this.#member.seek(partition, next);
  }

  async #receive(batch: ClientBatch): Promise<void> {
    const stretch = this.#stretches.get(batch.partition);
    for (const record of batch.records) {
      if (stretch && record.offset >= stretch.next && record.offset < stretch.end) {
        while (!this.#closed && this.#found.length >= AHEAD) {
          await Promise.race([this.#change(), beat()]);
          await batch.heartbeat();
        }
        if (this.#closed || batch.isStale()) return;
        this.#found.push(toReceived(batch.partition, record));
        this.#pass(batch.partition, record.offset + 1);
      }
      batch.resolve(record.offset);
    }
    this.#pass(batch.partition, batch.lastOffset + 1);
  }

  #pass(partition: number, next: number): void {
    const stretch = this.#stretches.get(partition);
    if (stretch && next > stretch.next) stretch.next = next;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.add(resolve));
  }

  #wake(): void {
    for (const resolve of this.#changed) resolve();
    this.#changed.clear();
  }
}

function beat(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, BEAT_MS).unref());
}
