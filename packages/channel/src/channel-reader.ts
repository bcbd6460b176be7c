import { OmniError } from "@omni/core";
import { type Channel, DONE } from "./channel.ts";
import type { Epoch } from "./epoch.ts";

export type Step = IteratorResult<Uint8Array, undefined>;

/** One reader of a channel: the iterator of its messages. */
export class ChannelReader implements AsyncIterableIterator<Uint8Array> {
  readonly epoch: Epoch;
  /** Number of its next message, where readers have places of their own. */
  place = 0;
  /** Number that the next message had when it joined: what came before is replayed to it. */
  joined = 0;
  /** How many of its calls wait. */
  waiting = 0;
  readonly #channel: Channel;
  readonly #signal: AbortSignal | undefined;
  #over = false;
  #failed: { readonly error: unknown } | undefined;
  #taken: "bytes" | "messages" | undefined;
  #onOver: (() => void) | undefined;

  constructor(channel: Channel, signal: AbortSignal | undefined) {
    this.#channel = channel;
    this.#signal = signal;
    this.epoch = channel.joinReader(this);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    if (this.#over) return this.#failed ? Promise.reject(this.#failed.error) : Promise.resolve(DONE);
    // Calls are answered in their order: one that waits goes first.
    const value = this.waiting === 0 ? this.#channel.take(this) : undefined;
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.epoch.isOpen) return this.#channel.await(this);
    this.finish();
    return Promise.resolve(DONE);
  }

  async return(): Promise<Step> {
    // An abort may be what closes this reader, a moment before its signal says so: then what waits here rejects.
    if (this.#signal && !this.#over) await undefined;
    this.finish();
    return DONE;
  }

  /** Everything was taken, or nobody wants more. */
  finish(): void {
    this.#end(undefined);
  }

  /** What waits, and every later call, rejects. */
  fail(error: unknown): void {
    this.#end({ error });
  }

  /** The same messages for a reader of bytes. */
  body(): AsyncIterable<Uint8Array> {
    const iterator: AsyncIterator<Uint8Array, undefined> = {
      next: () => {
        if (this.#taken === "messages") this.#failBoth();
        else this.#taken = "bytes";
        return this.next();
      },
      return: () => this.return(),
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  /**
   * Hands out the messages.
   *
   * @param onOver called when nothing more will come
   * @throws OmniError READER_CLOSED when they were taken already, or the reader is closed
   */
  messages(onOver: () => void): this {
    if (this.#taken) throw this.#takenBy();
    if (this.#over && !this.#failed) throw this.#closed("the reader is closed");
    this.#taken = "messages";
    this.#onOver = onOver;
    return this;
  }

  readonly #onAbort = (): void => this.fail(this.#signal?.reason);

  #end(failed: { readonly error: unknown } | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#failed = failed;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#channel.leaveReader(this, failed);
    this.#onOver?.();
  }

  /** Two takers would each get a part: neither gets any more. Who asked for bytes learns it by this call and needs no other word. */
  #failBoth(): void {
    this.#onOver = undefined;
    this.fail(this.#takenBy());
  }

  #takenBy(): OmniError {
    return this.#closed(
      this.#taken === "messages"
        ? "messages() was called already; open the channel again"
        : "the bytes were taken already; open the channel again",
    );
  }

  #closed(reason: string): OmniError {
    return new OmniError("READER_CLOSED", { backend: "channel", operation: "read", path: this.#channel.path, reason });
  }
}
