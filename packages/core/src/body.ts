import type { DriverBody } from "./driver.ts";
import { OmniError } from "./error.ts";
import { typeName } from "./path.ts";

/** Everything that `write` takes as bytes. Strings are written as UTF-8. A Node `Readable` is an async iterable. */
export type BodySource =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>;

/**
 * Turns a source into what a driver takes: one `Uint8Array` where all bytes are at hand, else a stream.
 *
 * @throws OmniError INVALID_ARGUMENT for anything that is not a {@link BodySource}
 */
export function toDriverBody(source: unknown): DriverBody {
  if (typeof source === "string") return Buffer.from(source);
  if (source instanceof Uint8Array) return source;
  if (typeof source === "object" && source !== null) {
    if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) return new Uint8Array(source);
    if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    if (source instanceof Blob) return source.stream();
    if (Symbol.asyncIterator in source) return new ChunkStream((source as AsyncIterable<unknown>)[Symbol.asyncIterator]());
    if (Symbol.iterator in source) return new ChunkStream((source as Iterable<unknown>)[Symbol.iterator]());
  }
  throw new OmniError("INVALID_ARGUMENT", {
    reason: `a body is a string, Uint8Array, ArrayBuffer, Blob, stream or iterable of chunks, not ${typeName(source)}`,
    outcome: "not-applied",
  });
}

/** The bytes of a chunk. @throws OmniError INVALID_ARGUMENT for anything but a string or bytes */
export function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return Buffer.from(chunk);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new OmniError("INVALID_ARGUMENT", {
    reason: `a chunk is a Uint8Array or a string, not ${typeName(chunk)}`,
    outcome: "not-applied",
  });
}

/** Any iterator of chunks as a stream of bytes. By hand: an async generator costs more per chunk. */
class ChunkStream implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<unknown> | Iterator<unknown>;

  constructor(source: AsyncIterator<unknown> | Iterator<unknown>) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const step = await this.#source.next();
    if (step.done) return { done: true, value: undefined };
    try {
      return { done: false, value: toBytes(step.value) };
    } catch (error) {
      await this.#source.return?.();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#source.return?.();
    return { done: true, value: undefined };
  }
}

/** All bytes of a stream in one piece. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return concat(chunks);
}

/** One piece from many; a single chunk is not copied. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}
