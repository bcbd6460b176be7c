// What a request with a key stands for: the same key is the same message, and never another one.
import { createHash } from "node:crypto";
import { type Clock, OmniError, systemClock } from "@omni/core";
import { v5 } from "uuid";

/** Name space of message ids; a constant of this program, random once. */
const NAME_SPACE = "6f0c8f0e-2f54-4b0e-9a8b-2f6a5f6f2d9d";

/** The id of the message that a source sends to a topic under a key: the same wherever and whenever it is asked for (UUIDv5, RFC 9562). */
export function messageIdOf(source: string, topic: string, key: string): string {
  return v5(JSON.stringify([source, topic, key]), NAME_SPACE);
}

/** Tells one content from another. */
export function digestOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}

export interface IdempotencyOptions {
  /** Milliseconds that the digest of a message is kept. */
  readonly windowMs: number;
  /** Digests kept at most; past it the oldest are forgotten early, and `forgotten` counts them. @default 100_000 */
  readonly maxKeys?: number | undefined;
  /** Time, for tests. @default the machine's */
  readonly clock?: Clock | undefined;
}

interface Entry<T> {
  readonly digest: string;
  readonly until: number;
  /** Runs, or has succeeded; absent after a failure: the next one tries again. */
  result?: Promise<T>;
}

/** Remembers in this process which content was sent under which id, and what came of it. */
export class Idempotency<T> {
  readonly #windowMs: number;
  readonly #maxKeys: number;
  readonly #clock: Clock;
  // In the order in which they end: all are kept for the same time.
  readonly #entries = new Map<string, Entry<T>>();
  #forgotten = 0;

  constructor({ windowMs, maxKeys = 100_000, clock = systemClock }: IdempotencyOptions) {
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Digests that were forgotten before their time, because there were too many. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /**
   * Does the work unless the same content has been done, or is being done, under this id.
   *
   * @throws OmniError ALREADY_EXISTS when other content was sent under this id; whatever the work throws
   */
  async once(id: string, digest: string, work: () => Promise<T>): Promise<{ readonly result: T; readonly repeated: boolean }> {
    this.#forget();
    const known = this.#entries.get(id);
    if (known && known.digest !== digest) {
      const reason = `message ${id} was sent with other content: take another key for other content`;
      throw new OmniError("ALREADY_EXISTS", { reason, outcome: "not-applied" });
    }
    if (known?.result) return { result: await known.result, repeated: true };
    const entry: Entry<T> = known ?? { digest, until: this.#clock.now() + this.#windowMs };
    if (!known) this.#entries.set(id, entry);
    entry.result = work();
    try {
      return { result: await entry.result, repeated: false };
    } catch (error) {
      delete entry.result;
      throw error;
    }
  }

  #forget(): void {
    const now = this.#clock.now();
    for (const [id, { until }] of this.#entries) {
      if (until > now && this.#entries.size < this.#maxKeys) return;
      if (until > now) this.#forgotten += 1;
      this.#entries.delete(id);
    }
  }
}
