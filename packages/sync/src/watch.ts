import { createHasher, type HashAlgorithm, type Hasher, type ObjectInfo, OmniError } from "@omni/core";

export const CHEAPEST_FIRST: readonly HashAlgorithm[] = ["crc32c", "md5", "sha1", "sha256"];

/** Passes bytes on, counts and digests them, and ends with an error before the end where the source's own digest disagrees. */
export class Watch {
  readonly #source: ObjectInfo;
  readonly #hashers = new Map<HashAlgorithm, Hasher>();
  readonly #onBytes: (bytes: number) => void;
  readonly algorithm: HashAlgorithm | undefined;
  bytes = 0;
  digest = "";

  /** @param algorithm what to digest with, beside what the source states */
  constructor(source: ObjectInfo, algorithm: HashAlgorithm | undefined, onBytes: (bytes: number) => void) {
    this.#source = source;
    this.#onBytes = onBytes;
    this.algorithm = algorithm;
    const stated = CHEAPEST_FIRST.find((name) => source.hashes?.[name] !== undefined);
    const isCovered = algorithm !== undefined && source.hashes?.[algorithm] !== undefined;
    for (const name of [algorithm, isCovered ? undefined : stated]) if (name) this.#hashers.set(name, createHasher(name));
  }

  async *pass(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of body) {
      for (const hasher of this.#hashers.values()) hasher.update(chunk);
      this.bytes += chunk.byteLength;
      this.#onBytes(chunk.byteLength);
      yield chunk;
    }
    for (const [name, hasher] of this.#hashers) {
      const digest = hasher.digest();
      if (name === this.algorithm) this.digest = digest;
      const stated = this.#source.hashes?.[name];
      if (stated !== undefined && stated !== digest)
        throw new OmniError("CHECKSUM_MISMATCH", {
          operation: "read",
          path: this.#source.path,
          reason: `what was read has ${name} ${digest}, the source states ${stated}`,
          outcome: "not-applied",
        });
    }
  }
}
