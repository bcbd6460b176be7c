import { createHasher, HASH_ALGORITHMS, type HashAlgorithm, OmniError } from "@omni/core";

// Smaller chunks are joined: a million chunks of a byte would cost a hundred bytes each.
const BLOCK_BYTES = 64 * 1024;

// What one step of a read copies.
const STEP_BYTES = 256 * 1024;

/** The bytes of an object. They never change, so that readers, copies and staged writes share them. */
export class StoredBytes {
  readonly size: number;
  readonly #blocks: readonly Uint8Array[];
  #hashes: Readonly<Record<HashAlgorithm, string>> | undefined;

  constructor(blocks: readonly Uint8Array[]) {
    this.#blocks = blocks;
    this.size = blocks.reduce((bytes, block) => bytes + block.byteLength, 0);
  }

  /** Digests by algorithm, each computed when it is first looked at. */
  get hashes(): Readonly<Record<HashAlgorithm, string>> {
    this.#hashes ??= lazily(HASH_ALGORITHMS, (algorithm) => {
      const hasher = createHasher(algorithm);
      for (const block of this.#blocks) hasher.update(block);
      return hasher.digest();
    });
    return this.#hashes;
  }

  /**
   * Takes a body whole. Its chunks belong to the store and are not copied, except where joining or trimming saves memory.
   *
   * @throws OmniError TOO_LARGE past `maxBytes`
   */
  static async of(body: Uint8Array | AsyncIterable<Uint8Array>, maxBytes: number): Promise<StoredBytes> {
    if (body instanceof Uint8Array) {
      checkLength(body.byteLength, maxBytes);
      return new StoredBytes(body.byteLength === 0 ? [] : [trimmed(body)]);
    }
    const blocks = new Blocks(maxBytes);
    for await (const chunk of body) blocks.add(chunk);
    return new StoredBytes(blocks.end());
  }

  /** A private copy of a range, piece by piece: what a reader does with its bytes never reaches the store. */
  async *range(offset: number, limit: number): AsyncGenerator<Uint8Array, undefined> {
    let skip = offset;
    let left = Math.min(limit, this.size - offset);
    for (const block of this.#blocks) {
      if (left <= 0) return;
      for (let at = skip; at < block.byteLength && left > 0; ) {
        const end = Math.min(at + STEP_BYTES, at + left, block.byteLength);
        yield Uint8Array.prototype.slice.call(block, at, end);
        left -= end - at;
        at = end;
      }
      skip = Math.max(0, skip - block.byteLength);
    }
  }
}

/** Chunks on their way into a store. */
class Blocks {
  readonly #maxBytes: number;
  readonly #blocks: Uint8Array[] = [];
  #small: Uint8Array[] = [];
  #smallBytes = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    checkLength(this.#bytes, this.#maxBytes);
    if (chunk.byteLength >= BLOCK_BYTES) {
      this.#join();
      this.#blocks.push(trimmed(chunk));
      return;
    }
    if (chunk.byteLength > 0) this.#small.push(chunk);
    this.#smallBytes += chunk.byteLength;
    if (this.#smallBytes >= BLOCK_BYTES) this.#join();
  }

  end(): readonly Uint8Array[] {
    this.#join();
    return this.#blocks;
  }

  #join(): void {
    if (this.#small.length === 1) this.#blocks.push(trimmed(this.#small[0] as Uint8Array));
    else if (this.#small.length > 1) this.#blocks.push(Buffer.concat(this.#small));
    this.#small = [];
    this.#smallBytes = 0;
  }
}

function checkLength(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  throw new OmniError("TOO_LARGE", {
    reason: `an object here has at most ${maxBytes} bytes (maxObjectBytes)`,
    outcome: "not-applied",
  });
}

/** A chunk that does not keep a much larger buffer alive. */
function trimmed(chunk: Uint8Array): Uint8Array {
  const whole = chunk.buffer.byteLength;
  return whole > BLOCK_BYTES && whole > 2 * chunk.byteLength ? Uint8Array.prototype.slice.call(chunk) : chunk;
}

/** An object whose fields are computed when they are first looked at, and look like plain ones. */
function lazily<K extends string>(names: readonly K[], compute: (name: K) => string): Record<K, string> {
  const fields = {} as Record<K, string>;
  for (const name of names) {
    let value: string | undefined;
    Object.defineProperty(fields, name, { enumerable: true, get: () => (value ??= compute(name)) });
  }
  return Object.freeze(fields);
}
