import { nodeCrypto } from "./builtins.ts";
import { Crc32c } from "./crc32c.ts";

/** The digests that core computes. */
export const HASH_ALGORITHMS = ["md5", "sha1", "sha256", "crc32c"] as const;

/** The name of a digest in `hashes`, `checksum` and `digestOf`. */
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

/** A digest in the making. */
export interface Hasher {
  /** Takes the next bytes. */
  update(chunk: Uint8Array): void;
  /** Lower-case hexadecimal; the hasher takes nothing afterwards. */
  digest(): string;
}

/** Starts a digest. crc32c is RFC 3720's Castagnoli polynomial, big-endian in hexadecimal. */
export function createHasher(algorithm: HashAlgorithm): Hasher {
  if (algorithm === "crc32c") return new Crc32c();
  const hash = nodeCrypto().createHash(algorithm);
  return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest("hex") };
}

/** The digest of bytes or of a stream, lower-case hexadecimal. */
export async function digestOf(algorithm: HashAlgorithm, source: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
  const hasher = createHasher(algorithm);
  if (source instanceof Uint8Array) hasher.update(source);
  else for await (const chunk of source) hasher.update(chunk);
  return hasher.digest();
}

/** The strongest algorithm that both have a digest for; `undefined` where there is none. */
export function commonHash(
  a: Readonly<Partial<Record<HashAlgorithm, string>>> | undefined,
  b: Readonly<Partial<Record<HashAlgorithm, string>>> | undefined,
): HashAlgorithm | undefined {
  if (!a || !b) return undefined;
  return (["sha256", "sha1", "md5", "crc32c"] as const).find(
    (algorithm) => a[algorithm] !== undefined && b[algorithm] !== undefined,
  );
}
