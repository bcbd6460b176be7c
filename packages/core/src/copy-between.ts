import type { Backend, CallOptions, Progress, WriteOptions } from "./backend.ts";
import { carried } from "./copy-within.ts";
import type { WriteConditions } from "./driver.ts";
import { OmniError } from "./error.ts";
import { commonHash, createHasher, type HashAlgorithm } from "./hash.ts";
import type { ObjectInfo, WriteStamp } from "./object-info.ts";

/** What a copy between two backends takes beside its places. Conditions are those of the write at the destination. */
export interface CopyBetweenOptions extends CallOptions, WriteConditions {
  /** Write id of the copy, where the destination keeps stamps. @default none */
  readonly stamp?: WriteStamp | undefined;
  /** Path at the destination. @default the source's */
  readonly toPath?: string | undefined;
  /** Milliseconds without a byte from the source until it is read on by a new request. @default none */
  readonly idleTimeoutMs?: number | undefined;
  /** Told as bytes are taken from the source. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * Copies an object from one backend to another, or within one. Headers, metadata and modification time go along where the destination keeps them.
 * Verified: the length always; the digest that the source states while the bytes pass, before anything is published; the digest that the
 * destination states of what it holds.
 *
 * @param from the source's backend
 * @param path the source
 * @param to the destination's backend
 * @returns the destination's info
 * @throws OmniError CHECKSUM_MISMATCH when what arrived is not what was sent
 */
export async function copyBetween(from: Backend, path: string, to: Backend, options: CopyBetweenOptions = {}): Promise<ObjectInfo> {
  return (await copyPinned(from, path, to, options)).info;
}

/**
 * Moves an object from one backend to another, or within one. The source is deleted only after the copy is verified, and only if it is still the
 * object that was copied: one that was replaced meanwhile stays.
 *
 * @throws OmniError PRECONDITION_FAILED when the source changed; the copy is there then, and so is the source
 */
export async function moveBetween(from: Backend, path: string, to: Backend, options: CopyBetweenOptions = {}): Promise<ObjectInfo> {
  const { toPath = path, signal, timeoutMs } = options;
  const call = { signal, timeoutMs };
  if (isSameStore(from, to) && options.ifNoneMatch === undefined && options.ifMatch === undefined)
    return from.move(path, toPath, call);
  const { source, info, bytes } = await copyPinned(from, path, to, options);
  const arrived = await to.stat(toPath, call);
  // Where the destination encodes, its size is not that of the content.
  if (bytes !== undefined && arrived.contentEncoding === source.contentEncoding && arrived.size !== bytes)
    throw mismatch(to, toPath, `${arrived.size} bytes, the source ${bytes}; the source was kept`);
  await deleteUnchanged(from, source, call);
  return info;
}

/** Whether two handles reach the same store, so that a path means the same object in both. */
export function isSameStore(a: Backend, b: Backend): boolean {
  return a.driver === b.driver || (a.driver.identity !== undefined && a.driver.identity === b.driver.identity);
}

async function copyPinned(
  from: Backend,
  path: string,
  to: Backend,
  options: CopyBetweenOptions,
): Promise<{ source: ObjectInfo; info: ObjectInfo; bytes: number | undefined }> {
  const { toPath = path, signal, timeoutMs, idleTimeoutMs, onProgress, stamp, ifNoneMatch, ifMatch } = options;
  const call = { signal, timeoutMs };
  if (isSameStore(from, to) && ifNoneMatch === undefined && ifMatch === undefined) {
    const source = await from.stat(path, call);
    return { source, info: await from.copy(path, toPath, call), bytes: source.size };
  }
  const reader = await from.read(path, { ...call, idleTimeoutMs });
  const source = reader.info;
  const watch = new DigestWatch(reader, to.features.hashes);
  const known = commonHash(source.hashes, source.hashes);
  const write: WriteOptions = {
    ...carried(source, to.features),
    sizeBytes: reader.sizeBytes,
    ...call,
    onProgress,
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(stamp === undefined ? {} : { stamp }),
    ...(known ? { checksum: { algorithm: known, value: source.hashes?.[known] as string } } : {}),
  };
  try {
    const info = await to.write(toPath, watch, write);
    await watch.compare(to, toPath, info, call);
    return { source, info, bytes: reader.sizeBytes };
  } finally {
    await reader.close();
  }
}

/** Passes bytes on and digests them on the way, to be compared with what the destination says it holds. */
class DigestWatch implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #algorithm: HashAlgorithm | undefined;
  #digest: string | undefined;

  constructor(source: AsyncIterable<Uint8Array>, hashes: readonly HashAlgorithm[]) {
    this.#source = source;
    // The cheapest that the destination states.
    this.#algorithm = (["crc32c", "md5", "sha1", "sha256"] as const).find((algorithm) => hashes.includes(algorithm));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    const hasher = this.#algorithm && createHasher(this.#algorithm);
    for await (const chunk of this.#source) {
      hasher?.update(chunk);
      yield chunk;
    }
    this.#digest = hasher?.digest();
  }

  async compare(to: Backend, path: string, written: ObjectInfo, call: CallOptions): Promise<void> {
    const algorithm = this.#algorithm;
    if (!algorithm) return;
    const stated = (written.hashes ?? (await to.stat(path, call)).hashes)?.[algorithm];
    if (stated !== undefined && stated !== this.#digest)
      throw mismatch(to, path, `${algorithm} ${stated}, not ${this.#digest} as was sent`);
  }
}

async function deleteUnchanged(from: Backend, source: ObjectInfo, call: CallOptions): Promise<void> {
  if (from.features.conditional.delete && source.etag !== undefined)
    return from.delete(source.path, { ...call, ifMatch: source.etag });
  const now = await from.stat(source.path, call);
  if (now.etag !== source.etag || now.size !== source.size || now.modifiedAt?.getTime() !== source.modifiedAt?.getTime())
    throw new OmniError("PRECONDITION_FAILED", {
      backend: from.driver.scheme,
      operation: "move",
      path: source.path,
      reason: "the source changed while it was copied; it was kept",
    });
  await from.delete(source.path, call);
}

function mismatch(to: Backend, path: string, found: string): OmniError {
  return new OmniError("CHECKSUM_MISMATCH", {
    backend: to.driver.scheme,
    operation: "copy",
    path,
    reason: `the copy has ${found}`,
    outcome: "unknown",
  });
}
