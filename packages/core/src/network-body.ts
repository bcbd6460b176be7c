import type { Readable } from "node:stream";
import { countPassingBytes } from "./passing-bytes.ts";
import { StreamChunks } from "./stream-chunks.ts";

type Step = IteratorResult<Uint8Array, undefined>;

/** The body of an answer from a network, for drivers: its chunks are counted as passing, and it ends its stream when it is left, unread too. */
export class NetworkBody implements AsyncIterableIterator<Uint8Array> {
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Uint8Array, undefined>;
  #isStarted = false;

  /**
   * @param stream the answer
   * @param chunks what is made of it, such as by a check. @default its own chunks
   */
  constructor(stream: Readable, chunks: AsyncIterator<Uint8Array, undefined> = new StreamChunks(stream)) {
    this.#stream = stream;
    this.#chunks = chunks;
  }

  /** The body itself: it is read once. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next chunk, counted. */
  async next(): Promise<Step> {
    this.#isStarted = true;
    const step = await this.#chunks.next();
    if (!step.done) countPassingBytes(step.value.byteLength);
    return step;
  }

  /** Ends the stream, also one of which nothing was read. */
  async return(): Promise<Step> {
    // A generator that was not begun ends without a look at its stream, whose connection would stay taken.
    if (!this.#isStarted) this.#stream.destroy();
    this.#isStarted = true;
    await this.#chunks.return?.();
    return { done: true, value: undefined };
  }
}
