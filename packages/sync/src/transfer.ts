import {
  type CallOptions,
  type Features,
  type HashAlgorithm,
  isSameStore,
  type ObjectInfo,
  OmniError,
  type WriteOptions,
} from "@omni/core";
import { checkStated, mismatch, readDigest, sameDigest } from "./digests.ts";
import type { LedgerPlace } from "./ledger.ts";
import type { Throttle } from "./limits.ts";
import { type Job, timeStepMs } from "./options.ts";
import { keepParts } from "./parts.ts";
import type { Progress } from "./progress.ts";
import { readRanges } from "./ranges.ts";
import type { Proof } from "./report.ts";
import type { Requests } from "./requests.ts";
import type { Side } from "./side.ts";
import { Stall } from "./stall.ts";
import { CHEAPEST_FIRST, Watch } from "./watch.ts";

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
  /** Where parts of large objects may be kept. */
  readonly place: LedgerPlace | undefined;
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
const RANGES_ABOVE_BYTES = 64 * 1024 * 1024;

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
  return { source: now, info, bytes: now.size, proof: proofOfCopy(to, now, info) };
}

/**
 * Copies, within the destination's store, what is the same there as the source.
 *
 * @throws OmniError CHECKSUM_MISMATCH; what the store says
 */
export async function copyTwin(
  { job: { to }, requests }: TransferTools,
  source: ObjectInfo,
  twin: ObjectInfo,
  toPath: string,
): Promise<Transferred> {
  const info = await requests.make((call) => to.backend.copy(twin.path, toPath, call));
  return { source, info, bytes: source.size, proof: proofOfCopy(to, twin, info) };
}

/** What a store's own copy shows. @throws OmniError CHECKSUM_MISMATCH */
function proofOfCopy(to: Side, from: ObjectInfo, info: ObjectInfo): Proof {
  if (info.size !== from.size && info.contentEncoding === from.contentEncoding)
    throw mismatch(to, info.path, `${info.size} bytes, the source ${from.size}`);
  const alike = (["sha256", "sha1", "md5", "crc32c"] as const).some(
    (name) => from.hashes?.[name] !== undefined && from.hashes[name] === info.hashes?.[name],
  );
  return alike ? "digest" : "size";
}

async function copyOnce(tools: TransferTools, task: TransferTask, call: CallOptions): Promise<Transferred> {
  const { job, throttle, progress, requests } = tools;
  const { to } = job;
  progress.rewind(task.name);
  const stall = new Stall(job.timeoutMs, job.clock, call.signal);
  let opened: Opened | undefined;
  try {
    opened = await open(tools, task.source, { ...call, signal: stall.signal }, () => stall.moved());
    const { info, sizeBytes } = opened;
    const watch = new Watch(info, algorithmFor(job, info), (bytes) => {
      stall.moved();
      progress.move(task.name, bytes);
    });
    const options: WriteOptions = {
      ...carried(info, sizeBytes, to.backend.features),
      ...conditions(job, task),
      signal: stall.signal,
    };
    const body = watch.pass(throttle.pass(opened.body, stall.signal));
    const sent = sizeBytes !== undefined && sizeBytes <= WHOLE_BYTES ? await joined(body) : body;
    await requests.turn();
    const written = await to.backend.write(task.toPath, sent, options);
    const proof = await prove(tools, task, written, watch);
    await opened.done?.();
    return { source: info, info: written, bytes: watch.bytes, proof };
  } finally {
    await opened?.close();
    stall.release();
  }
}

interface Opened {
  readonly info: ObjectInfo;
  /** Bytes that the body brings, where that is known. */
  readonly sizeBytes: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
  /** The object is at the destination. */
  done?(): Promise<void>;
}

/** Opens the source: as it comes, or, when it is large, in several ranges at once, kept in parts where that was asked for. */
async function open({ job, place }: TransferTools, source: ObjectInfo, call: CallOptions, onPart: () => void): Promise<Opened> {
  const { from, rangesAboveBytes = rangesAboveOf(job), rangeStreams = 4, keepPartsAboveBytes = Number.POSITIVE_INFINITY } = job;
  const { backend } = from;
  const keeps = place !== undefined && source.size >= keepPartsAboveBytes;
  if (backend.features.rangeRead && (keeps || (source.size >= rangesAboveBytes && rangeStreams > 1))) {
    const info = await backend.stat(source.path, call);
    const isVersioned = info.etag !== undefined && info.size > 0;
    if (isVersioned && keeps) {
      const parts = keepParts(backend, info, place, rangeStreams, call, onPart);
      return { info, sizeBytes: info.size, body: parts.body(), close: async () => {}, done: parts.remove };
    }
    const ranges = readRanges(backend, info, rangeStreams, call);
    if (isVersioned) return { info, sizeBytes: info.size, body: ranges, close: async () => void (await ranges.return()) };
  }
  const reader = await backend.read(source.path, { ...call, idleTimeoutMs: call.timeoutMs });
  return { info: reader.info, sizeBytes: reader.sizeBytes, body: reader, close: () => reader.close() };
}

/** Several streams of one object are for stores behind a network. What is on this machine comes as fast by one, and takes less memory. */
function rangesAboveOf({ from }: Job): number {
  return from.backend.features.durable === "store" ? RANGES_ABOVE_BYTES : Number.POSITIVE_INFINITY;
}

/** The digest that is made of what passes: the cheapest that the destination states, or the source, or one to compare what is read back. */
function algorithmFor({ to, verify }: Job, { hashes }: ObjectInfo): HashAlgorithm | undefined {
  const stated = to.backend.features.hashes;
  return (
    CHEAPEST_FIRST.find((name) => stated.includes(name)) ??
    CHEAPEST_FIRST.find((name) => hashes?.[name] !== undefined) ??
    (verify === "read" ? "crc32c" : undefined)
  );
}

async function joined(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** How it is known that what arrived is what was sent. @throws OmniError CHECKSUM_MISMATCH; what arrived wrong is taken back */
async function prove({ job, requests }: TransferTools, task: TransferTask, written: ObjectInfo, watch: Watch): Promise<Proof> {
  const { to, verify = "stated" } = job;
  try {
    const { features } = to.backend;
    const info = written.hashes || features.hashes.length === 0 ? written : await requests.stat(to, task.toPath);
    const { algorithm } = watch;
    if (algorithm && checkStated(to, info, algorithm, watch.digest)) return "digest";
    if (algorithm && verify === "read") {
      const digest = await readDigest({ side: to, info: written }, algorithm, requests);
      if (digest !== watch.digest)
        throw mismatch(to, task.toPath, `${algorithm} ${digest} when read back, not ${watch.digest} as was sent`);
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

function carried(info: ObjectInfo, sizeBytes: number | undefined, features: Features): WriteOptions {
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
  const step = timeStepMs(job.to.backend);
  const kept = ({ modifiedAt }: ObjectInfo): number | undefined => modifiedAt && Math.floor(modifiedAt.getTime() / step);
  if (job.to.backend.features.setModTime && kept(now) !== kept(there)) return undefined;
  const same = await sameDigest({ side: from, info: now }, { side: to, info: there }, true, requests);
  return same ? { source: now, info: there, bytes: now.size, proof: there.hashes ? "digest" : "read" } : undefined;
}
