import {
  type CallOptions,
  createHasher,
  type HashAlgorithm,
  type Hasher,
  isSameStore,
  type ObjectInfo,
  type ObjectReader,
  OmniError,
  type WriteOptions,
} from "@omni/core";
import { checkStated, mismatch, readDigest, sameDigest } from "./digests.ts";
import type { Throttle } from "./limits.ts";
import type { Job } from "./options.ts";
import type { Progress } from "./progress.ts";
import { readRanges } from "./ranges.ts";
import type { Proof } from "./report.ts";
import type { Requests } from "./requests.ts";
import { Stall } from "./stall.ts";

/** A copy that is there and was verified. */
export interface Transferred {
  /** What was read. */
  readonly source: ObjectInfo;
  /** What the destination holds. */
  readonly info: ObjectInfo;
  readonly bytes: number;
  readonly proof: Proof;
}

/** What one copy needs of its run. */
export interface TransferTools {
  readonly job: Job;
  readonly requests: Requests;
  readonly throttle: Throttle;
  readonly progress: Progress;
}

/** Whether the store itself can copy from one side to the other. */
export function isServerSide({ from, to }: Job): boolean {
  return isSameStore(from.backend, to.backend);
}

/** One object to copy. */
export interface TransferTask {
  /** Names the copy in reports. */
  readonly name: string;
  readonly source: ObjectInfo;
  readonly toPath: string;
  /** What is at the destination, by its listing. */
  readonly existing?: ObjectInfo | undefined;
  /** The source is not wanted afterwards: a store that moves may. */
  readonly moves?: boolean | undefined;
}

// Bodies up to this size are read whole: one request each way, and a digest before the first byte is sent.
const WHOLE_BYTES = 1024 * 1024;

/**
 * Copies one object and verifies it. The commit is conditional where the destination can: over nothing, or over what its listing showed.
 *
 * @throws OmniError CHECKSUM_MISMATCH, ALREADY_EXISTS or PRECONDITION_FAILED (the destination changed meanwhile), what the stores say
 */
export async function transfer(tools: TransferTools, task: TransferTask): Promise<Transferred> {
  const { job, requests } = tools;
  if (isServerSide(job)) return copyWithinStore(tools, task);
  return requests.make(async (call, attempt) => {
    try {
      return await copyOnce(tools, task, call);
    } catch (error) {
      // An earlier attempt whose answer was lost may have done it.
      if (attempt > 1 && OmniError.is(error, "ALREADY_EXISTS", "PRECONDITION_FAILED")) {
        const found = await recognise(tools, task);
        if (found) return found;
      }
      throw error;
    }
  });
}

async function copyWithinStore(
  { job: { from, to }, requests }: TransferTools,
  { source, toPath, moves }: TransferTask,
): Promise<Transferred> {
  const now = await requests.stat(from, source.path);
  const verb = moves ? "move" : "copy";
  const info = await requests.make((call) => to.backend[verb](source.path, toPath, call));
  if (info.size !== now.size && info.contentEncoding === now.contentEncoding)
    throw mismatch(to, toPath, `${info.size} bytes, the source ${now.size}`);
  const alike = (["sha256", "sha1", "md5", "crc32c"] as const).some(
    (name) => now.hashes?.[name] !== undefined && now.hashes[name] === info.hashes?.[name],
  );
  return { source: now, info, bytes: now.size, proof: alike ? "digest" : "size" };
}

async function copyOnce(tools: TransferTools, task: TransferTask, call: CallOptions): Promise<Transferred> {
  const { job, throttle, progress } = tools;
  const { from, to } = job;
  progress.rewind(task.name);
  const stall = new Stall(job.timeoutMs, job.clock, call.signal);
  let reader: ObjectReader | undefined;
  try {
    reader = await from.backend.read(task.source.path, call);
    const watch = new Watch(reader.info, to.backend.features.hashes, (bytes) => {
      stall.moved();
      progress.move(task.name, bytes);
    });
    const options: WriteOptions = { ...carried(reader, to.backend.features), ...conditions(job, task), signal: stall.signal };
    const whole = reader.sizeBytes !== undefined && reader.sizeBytes <= WHOLE_BYTES;
    const body = watch.pass(throttle.pass(rangesOf(job, reader, stall.signal), stall.signal));
    const sent = whole ? await joined(body) : body;
    const written = await to.backend.write(task.toPath, sent, options);
    return { source: reader.info, info: written, bytes: watch.bytes, proof: await prove(tools, task, written, watch) };
  } finally {
    await reader?.close();
    stall.release();
  }
}

/** The body: as it comes, or of a large object several ranges at once. */
function rangesOf(
  { from, rangesAboveBytes = 64 * 1024 * 1024, rangeStreams = 4, timeoutMs }: Job,
  reader: ObjectReader,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { info } = reader;
  const ranged = from.backend.features.rangeRead && info.etag !== undefined && reader.sizeBytes === info.size;
  if (!ranged || info.size < rangesAboveBytes || rangeStreams === 1) return reader;
  return readRanges(from.backend, info, rangeStreams, { signal, timeoutMs });
}

async function joined(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** Passes bytes on, counts and digests them, and ends with an error before the end where the source's own digest disagrees. */
class Watch {
  readonly #source: ObjectInfo;
  readonly #hashers = new Map<HashAlgorithm, Hasher>();
  readonly #onBytes: (bytes: number) => void;
  readonly algorithm: HashAlgorithm;
  bytes = 0;
  digest = "";

  constructor(source: ObjectInfo, atDestination: readonly HashAlgorithm[], onBytes: (bytes: number) => void) {
    this.#source = source;
    this.#onBytes = onBytes;
    const cheapestFirst = ["crc32c", "md5", "sha1", "sha256"] as const;
    this.algorithm =
      cheapestFirst.find((name) => atDestination.includes(name)) ??
      cheapestFirst.find((name) => source.hashes?.[name] !== undefined) ??
      "crc32c";
    const stated =
      source.hashes?.[this.algorithm] === undefined ? cheapestFirst.find((name) => source.hashes?.[name] !== undefined) : undefined;
    for (const name of new Set([this.algorithm, ...(stated ? [stated] : [])])) this.#hashers.set(name, createHasher(name));
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

async function prove({ job, requests }: TransferTools, task: TransferTask, written: ObjectInfo, watch: Watch): Promise<Proof> {
  const { to, verify = "stated" } = job;
  try {
    const { features } = to.backend;
    const info = written.hashes || features.hashes.length === 0 ? written : await requests.stat(to, task.toPath);
    if (checkStated(to, info, watch.algorithm, watch.digest)) return "digest";
    if (verify === "read") {
      const digest = await readDigest({ side: to, info: written }, watch.algorithm, requests);
      if (digest !== watch.digest)
        throw mismatch(to, task.toPath, `${watch.algorithm} ${digest} when read back, not ${watch.digest} as was sent`);
      return "read";
    }
    // Where the destination encodes, its size is not that of the content.
    if (info.size !== watch.bytes && info.contentEncoding === task.source.contentEncoding)
      throw mismatch(to, task.toPath, `${info.size} bytes, not ${watch.bytes} as were sent`);
    return "size";
  } catch (error) {
    if (OmniError.is(error, "CHECKSUM_MISMATCH")) await withdraw(job, requests, task.toPath, written);
    throw error;
  }
}

/** Takes back what arrived wrong, if it is still there: a missing object is copied again, a torn one may look right. */
async function withdraw({ to: { backend } }: Job, requests: Requests, path: string, written: ObjectInfo): Promise<void> {
  try {
    const only = backend.features.conditional.delete && written.etag !== undefined ? { ifMatch: written.etag } : {};
    await requests.make((call) => backend.delete(path, { ...call, ...only }));
  } catch (error) {
    if (OmniError.is(error, "PRECONDITION_FAILED", "NOT_FOUND")) return;
    throw error;
  }
}

function conditions({ to: { backend } }: Job, { existing }: TransferTask): WriteOptions {
  const { conditional } = backend.features;
  if (!existing) return conditional.create ? { ifNoneMatch: "*" } : {};
  return conditional.replace && existing.etag !== undefined ? { ifMatch: existing.etag } : {};
}

function carried({ info, sizeBytes }: ObjectReader, features: Job["to"]["backend"]["features"]): WriteOptions {
  const { contentType, cacheControl, contentEncoding, contentDisposition, metadata, modifiedAt } = info;
  return {
    sizeBytes,
    ...(features.contentHeaders ? { contentType, cacheControl, contentEncoding, contentDisposition } : {}),
    ...(features.customMetadata && metadata ? { metadata } : {}),
    ...(features.setModTime && modifiedAt ? { modifiedAt } : {}),
  };
}

/** Whether the destination holds what this copy sent. */
async function recognise({ job, requests }: TransferTools, { source, toPath }: TransferTask): Promise<Transferred | undefined> {
  const { from, to } = job;
  const [now, there] = await Promise.all([requests.stat(from, source.path), requests.stat(to, toPath)]);
  if (now.size !== there.size) return undefined;
  if (job.to.backend.features.setModTime && now.modifiedAt?.getTime() !== there.modifiedAt?.getTime()) return undefined;
  const same = await sameDigest({ side: from, info: now }, { side: to, info: there }, true, requests);
  return same ? { source: now, info: there, bytes: now.size, proof: there.hashes ? "digest" : "read" } : undefined;
}
