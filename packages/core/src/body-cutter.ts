import type { DriverBody } from "./driver.ts";
import { countPassingBytes } from "./passing-bytes.ts";

const FIRST_BYTES = 64 * 1024;

/**
 * Cuts a body into pieces of one size, as uploads in parts want them; the last one is shorter, and an empty body has none.
 *
 * A stream is copied into buffers that are taken again when they are given back, so there are never more of them than pieces in flight, and a
 * source may use its own buffer again. A body that is bytes is passed on in views, without a copy.
 */
export class BodyCutter {
  readonly #pieceBytes: number;
  readonly #iterator: AsyncIterator<Uint8Array> | undefined;
  readonly #free: Uint8Array[] = [];
  readonly #lent = new Set<ArrayBufferLike>();
  #expectedBytes: number | undefined;
  #rest: Uint8Array | undefined;
  #ended: boolean;

  /**
   * @param body all bytes, or a stream
   * @param pieceBytes size of a piece
   * @param sizeBytes length of the body when known, so that a small one takes a small buffer
   */
  constructor(body: DriverBody, pieceBytes: number, sizeBytes?: number) {
    this.#pieceBytes = pieceBytes;
    this.#expectedBytes = sizeBytes;
    if (body instanceof Uint8Array) {
      this.#rest = body.byteLength === 0 ? undefined : body;
      this.#ended = true;
    } else {
      this.#iterator = body[Symbol.asyncIterator]();
      this.#ended = false;
    }
  }

  /** The next piece; `undefined` at the end. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#iterator === undefined) return this.#takeRest(this.#pieceBytes);
    let buffer: Uint8Array | undefined;
    let filled = 0;
    while (filled < this.#pieceBytes) {
      if (this.#rest === undefined) {
        if (this.#ended) break;
        // Awaited here and not in a function of its own: of small chunks there are many.
        this.#arrived(await this.#iterator.next());
        continue;
      }
      const taken = this.#takeRest(this.#pieceBytes - filled) as Uint8Array;
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
    while (this.#rest === undefined && this.#iterator !== undefined && !this.#ended) this.#arrived(await this.#iterator.next());
    return this.#rest === undefined;
  }

  /** Gives a piece back when nothing reads it any more. */
  release(piece: Uint8Array): void {
    if (this.#lent.delete(piece.buffer) && piece.buffer.byteLength === this.#pieceBytes)
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
  #arrived(step: IteratorResult<Uint8Array>): void {
    if (step.done) this.#ended = true;
    else if (step.value.byteLength > 0) {
      this.#rest = step.value;
      countPassingBytes(step.value.byteLength);
    }
  }

  #takeRest(mostBytes: number): Uint8Array | undefined {
    const rest = this.#rest;
    if (rest === undefined || rest.byteLength <= mostBytes) {
      this.#rest = undefined;
      return rest;
    }
    this.#rest = rest.subarray(mostBytes);
    return rest.subarray(0, mostBytes);
  }

  // The first buffer grows with a body of unknown length: most bodies are small.
  #room(buffer: Uint8Array | undefined, filled: number, wanted: number): Uint8Array {
    if (buffer !== undefined && buffer.byteLength >= filled + wanted) return buffer;
    const free = buffer === undefined ? this.#free.pop() : undefined;
    if (free !== undefined) return free;
    const least = buffer === undefined ? Math.min(this.#expectedBytes ?? FIRST_BYTES, this.#pieceBytes) : buffer.byteLength * 2;
    this.#expectedBytes = this.#pieceBytes;
    const grown = new Uint8Array(Buffer.allocUnsafeSlow(Math.min(this.#pieceBytes, Math.max(least, filled + wanted))).buffer);
    if (buffer !== undefined) grown.set(buffer.subarray(0, filled));
    return grown;
  }
}
