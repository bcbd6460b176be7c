import { BodyCutter, createHasher, type DriverBody, OmniError } from "@omni/core";
import type { Context } from "./context.ts";
import { combineCrc32c } from "./crc32c-combine.ts";
import { annotate } from "./errors.ts";
import { checksumHeader, customerKeyOf, type Draft } from "./objects.ts";
import { MAX_PARTS, MIN_PART_BYTES, type S3Settings } from "./settings.ts";
import { dropUpload, type Upload, type UploadedPart } from "./uploads.ts";

/** How many bytes of a body are looked at before it is known to be small: those of one part. */
export interface Opening {
  readonly cutter: BodyCutter;
  readonly first: Uint8Array;
  /** Whether `first` is everything. */
  readonly whole: boolean;
}

/** Takes the first part of a body. A body that throws here has cost no request. */
export async function openBody({ settings }: Context, body: DriverBody, draft: Draft): Promise<Opening> {
  const { sizeBytes, signal } = draft.options;
  const size = body instanceof Uint8Array ? body.byteLength : sizeBytes;
  const partBytes = partBytesOf(settings, draft, size);
  const cutter = new BodyCutter(body, partBytes, size);
  const first = (await untilStopped(cutter, cutter.next(), signal)) ?? new Uint8Array();
  return { cutter, first, whole: first.byteLength < partBytes || (await untilStopped(cutter, cutter.isAtEnd(), signal)) };
}

// A caller that writes to several stores cannot know this one's least; a length that is known decides for larger parts.
function partBytesOf(settings: S3Settings, { options }: Draft, size: number | undefined): number {
  return Math.max(
    options.partSizeBytes ?? settings.partSizeBytes,
    MIN_PART_BYTES,
    size === undefined ? 0 : Math.ceil(size / MAX_PARTS),
  );
}

/**
 * Takes a body to the store in parts, invisibly. At most `concurrency` parts are in memory: the one being filled and those on the way.
 *
 * On any failure the upload is aborted and nothing of it stays at the store; the error says "not-applied".
 */
export async function uploadParts(context: Context, draft: Draft, { cutter, first, whole }: Opening): Promise<Upload> {
  const { send, settings } = context;
  const { signal } = draft.options;
  const key = context.key(draft.path);
  const hashed = settings.profile.checksum === "crc32c";
  const checksum = hashed ? ({ ChecksumAlgorithm: "CRC32C", ChecksumType: "FULL_OBJECT" } as const) : {};
  const created = await begin(
    (later) => send("CreateMultipartUpload", { Key: key, ...draft.headers, ...checksum }, later, signal),
    cutter,
    signal,
  );
  const run = new PartRun(context, key, created.UploadId ?? "", cutter, hashed, signal);
  try {
    if (!created.UploadId) throw new OmniError("UNKNOWN", { reason: "the store began an upload without naming it" });
    await run.sendAll(first, whole, draft.options.concurrency ?? settings.concurrency);
  } catch (error) {
    cutter.abandon();
    await run.settled();
    await dropUpload(context, key, run.uploadId, true);
    throw notApplied(error);
  }
  return {
    path: draft.path,
    nonce: draft.nonce,
    uploadId: run.uploadId,
    size: run.size,
    crc32c: run.crc32c,
    partCount: run.parts.length,
    parts: run.parts,
  };
}

class PartRun {
  readonly uploadId: string;
  readonly parts: UploadedPart[] = [];
  size = 0;
  crc32c: string | undefined;
  readonly #context: Context;
  readonly #key: string;
  readonly #cutter: BodyCutter;
  readonly #hashed: boolean;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #onWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(
    context: Context,
    key: string,
    uploadId: string,
    cutter: BodyCutter,
    hashed: boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#context = context;
    this.#key = key;
    this.uploadId = uploadId;
    this.#cutter = cutter;
    this.#hashed = hashed;
    this.#signal = signal;
  }

  async sendAll(first: Uint8Array, whole: boolean, concurrency: number): Promise<void> {
    const forward = (): void => this.#fail(this.#signal?.reason);
    this.#signal?.addEventListener("abort", forward, { once: true });
    try {
      this.#signal?.throwIfAborted();
      let part: Uint8Array | undefined = first;
      while (part !== undefined) {
        this.#start(part);
        if (whole) break;
        while (this.#onWay.size >= concurrency) await Promise.race(this.#onWay);
        this.#check();
        part = await untilStopped(this.#cutter, this.#cutter.next(), this.#stop.signal);
      }
      await Promise.all(this.#onWay);
      this.#check();
    } finally {
      this.#signal?.removeEventListener("abort", forward);
    }
  }

  /** Resolves when no request is on the way any more. */
  async settled(): Promise<void> {
    this.#stop.abort(new Error("the upload has failed"));
    await Promise.all(this.#onWay);
  }

  #fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    this.#stop.abort(error);
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #start(part: Uint8Array): void {
    const number = this.parts.length + 1;
    if (number > MAX_PARTS)
      throw new OmniError("TOO_LARGE", {
        reason: `the body has more than ${MAX_PARTS} parts: give "sizeBytes", or a larger "partSizeBytes"`,
      });
    const crc = this.#hashed ? crcOf(part) : undefined;
    if (crc !== undefined) this.crc32c = this.crc32c === undefined ? crc : combineCrc32c(this.crc32c, crc, part.byteLength);
    this.size += part.byteLength;
    this.parts.push({ PartNumber: number, ETag: undefined });
    const sent = this.#sendPart(number, part, crc).then(
      () => this.#cutter.release(part),
      (error) => this.#fail(error),
    );
    const tracked: Promise<void> = sent.finally(() => this.#onWay.delete(tracked));
    this.#onWay.add(tracked);
  }

  async #sendPart(number: number, part: Uint8Array, crc: string | undefined): Promise<void> {
    const { send, settings } = this.#context;
    const ChecksumCRC32C = crc && checksumHeader(crc);
    const input = {
      Key: this.#key,
      UploadId: this.uploadId,
      PartNumber: number,
      Body: part,
      ContentLength: part.byteLength,
      ...customerKeyOf(settings),
    };
    const { ETag } = await send("UploadPart", { ...input, ...(ChecksumCRC32C ? { ChecksumCRC32C } : {}) }, this.#stop.signal);
    this.parts[number - 1] = { PartNumber: number, ETag, ...(ChecksumCRC32C ? { ChecksumCRC32C } : {}) };
  }
}

/** The CRC-32C of bytes, hexadecimal. */
export function crcOf(bytes: Uint8Array): string {
  const hasher = createHasher("crc32c");
  hasher.update(bytes);
  return hasher.digest();
}

/** Fails as soon as the signal aborts: a source may hang. */
async function untilStopped<T>(cutter: BodyCutter, work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let stop: () => void = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } catch (error) {
    cutter.abandon();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

// An answer that comes just after an abort names an upload that must be removed: it is waited for.
const CREATE_GRACE_MS = 5_000;

async function begin<T>(
  create: (signal: AbortSignal | undefined) => Promise<T>,
  cutter: BodyCutter,
  signal: AbortSignal | undefined,
): Promise<T> {
  const later = signal && new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    timer = setTimeout(() => later?.abort(signal?.reason), CREATE_GRACE_MS);
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    signal?.throwIfAborted();
    return await create(later?.signal);
  } catch (error) {
    cutter.abandon();
    throw notApplied(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** An error that certainly left the object as it was: nothing was made visible yet. */
export function notApplied(error: unknown): unknown {
  if (!OmniError.is(error)) return annotate(error, { outcome: "not-applied" });
  if (error.operation !== undefined || error.outcome !== undefined) return error;
  return new OmniError(error.code, {
    reason: error.reason,
    retryable: error.retryable,
    outcome: "not-applied",
    cause: error.cause,
  });
}
