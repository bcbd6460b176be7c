import { createHasher } from "../hash.ts";

/** Bytes that repeat at no power of two, so that a swapped, lost or doubled piece shows. */
export function sample(bytes: number, seed = 1): Uint8Array {
  const made = new Uint8Array(bytes);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    made[i] = state >>> 24;
  }
  return made;
}

/** A stream of private copies of the chunks, with what a test wants to happen before a chunk. */
export async function* stream(
  chunks: Iterable<Uint8Array>,
  before?: (index: number) => unknown,
): AsyncGenerator<Uint8Array, undefined> {
  let index = 0;
  for (const chunk of chunks) {
    await before?.(index++);
    yield chunk.slice();
  }
  await before?.(index);
}

/** Pieces of bytes, the last one shorter. */
export function* pieces(bytes: Uint8Array, pieceBytes: number): Generator<Uint8Array, undefined> {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** A large body that is never whole in memory. */
export class LargeBody {
  readonly bytes: number;
  readonly #seed: Uint8Array;

  constructor(bytes: number, seed = 7) {
    this.bytes = bytes;
    this.#seed = sample(64 * 1024 + 7, seed);
  }

  /** The chunks, each a private copy. */
  *[Symbol.iterator](): Generator<Uint8Array, undefined> {
    for (let at = 0; at < this.bytes; at += this.#seed.byteLength)
      yield this.#seed.slice(0, Math.min(this.#seed.byteLength, this.bytes - at));
  }

  digest(): string {
    const hasher = createHasher("sha256");
    for (const chunk of this) hasher.update(chunk);
    return hasher.digest();
  }
}
