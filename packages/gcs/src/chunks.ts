import type { DriverBody } from "@omni/core";

const FIRST_BYTES = 64 * 1024;

/**
 * Cuts a body into pieces of one size, as a resumable upload wants them; the last one is shorter, and an empty body has none.
 *
 * Buffers are taken again when they are given back, so there are never more of them than pieces in flight. A chunk of the source that fills a piece
 * by itself is passed on without a copy.
 */
export class ChunkCutter {
  readonly #chunkBytes: number;
  readonly #iterator: AsyncIterator<Uint8Array> | undefined;
  readonly #free: Uint8Array[] = [];
  readonly #lent = new Set<ArrayBufferLike>();
  #expectedBytes: number | undefined;
  #rest: Uint8Array | undefined;
  #ended: boolean;

  /**
   * @param body all bytes, or a stream
   * @param chunkBytes size of a piece
   * @param sizeBytes length of the body when known, so that a small one takes a small buffer
   */
  constructor(body: DriverBody, chunkBytes: number, sizeBytes?: number) {
    this.#chunkBytes = chunkBytes;
    this.#expectedBytes = sizeBytes;
    if (body instanceof Uint8Array) {
      this.#rest = body;
      this.#ended = true;
    } else {
      this.#iterator = body[Symbol.asyncIterator]();
      this.#ended = false;
    }
  }

  /** The next piece; `undefined` at the end. */
  async next(): Promise<Uint8Array | undefined> {
    let buffer: Uint8Array | undefined;
    let filled = 0;
    while (filled < this.#chunkBytes) {
      const chunk = await this.#chunk();
      if (chunk === undefined) break;
      const wanted = this.#chunkBytes - filled;
      if (filled === 0 && (chunk.byteLength >= wanted || (this.#ended && this.#rest === undefined))) {
        if (chunk.byteLength > wanted) this.#rest = chunk.subarray(wanted);
        return chunk.byteLength > wanted ? chunk.subarray(0, wanted) : chunk;
      }
      const taken = chunk.byteLength > wanted ? chunk.subarray(0, wanted) : chunk;
      if (taken.byteLength < chunk.byteLength) this.#rest = chunk.subarray(wanted);
      buffer = this.#room(buffer, filled, taken.byteLength);
      buffer.set(taken, filled);
      filled += taken.byteLength;
    }
    if (buffer === undefined) return undefined;
    this.#lent.add(buffer.buffer);
    return buffer.subarray(0, filled);
  }

  /** Whether the last piece was the end: looks for one more byte, and keeps it. */
  async isAtEnd(): Promise<boolean> {
    this.#rest = await this.#chunk();
    return this.#rest === undefined;
  }

  /** Gives a piece back when nothing reads it any more. */
  release(piece: Uint8Array): void {
    if (this.#lent.delete(piece.buffer) && piece.buffer.byteLength === this.#chunkBytes)
      this.#free.push(new Uint8Array(piece.buffer));
  }

  /** Lets go of the source without waiting for it: it may hang. */
  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#iterator?.return?.().catch(() => {
      // The write failed already; how its source took the news changes nothing.
    });
  }

  // An empty chunk of the source is no piece.
  async #chunk(): Promise<Uint8Array | undefined> {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined && rest.byteLength > 0) return rest;
    while (!this.#ended) {
      const step = await (this.#iterator as AsyncIterator<Uint8Array>).next();
      if (step.done) this.#ended = true;
      else if (step.value.byteLength > 0) return step.value;
    }
    return undefined;
  }

  // The first buffer grows with a body of unknown length: most bodies are small.
  #room(buffer: Uint8Array | undefined, filled: number, wanted: number): Uint8Array {
    if (buffer !== undefined && buffer.byteLength >= filled + wanted) return buffer;
    const free = buffer === undefined ? this.#free.pop() : undefined;
    if (free !== undefined) return free;
    const least = buffer === undefined ? Math.min(this.#expectedBytes ?? FIRST_BYTES, this.#chunkBytes) : buffer.byteLength * 2;
    this.#expectedBytes = this.#chunkBytes;
    const grown = new Uint8Array(Buffer.allocUnsafeSlow(Math.min(this.#chunkBytes, Math.max(least, filled + wanted))).buffer);
    if (buffer !== undefined) grown.set(buffer.subarray(0, filled));
    return grown;
  }
}
