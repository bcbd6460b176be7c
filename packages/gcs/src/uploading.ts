import { createHash, randomUUID } from "node:crypto";
import { BodyCutter, backoffMs, createHasher, type DriverBody, type DriverWriteOptions, delay, OmniError } from "@omni/core";
import { annotate, asBucketMissing, factsOf, GcsError, isTransient, statusOf } from "./errors.ts";
import { untilAborted } from "./http-wire.ts";
import {
  base64Of,
  type Context,
  type Draft,
  FIELDS,
  isFrom,
  lostCondition,
  objectPath,
  type Resource,
  resourceOf,
} from "./objects.ts";
import { CHUNK_STEP_BYTES } from "./options.ts";
import { lookUp, outcomeOf, withOutcome } from "./reading.ts";
import { isSessionGone, ResumableUpload } from "./resumable.ts";

/** How much of a body is looked at before it is known to be small: one chunk. */
interface Opening {
  readonly cutter: BodyCutter;
  readonly first: Uint8Array;
  /** Whether `first` is everything. */
  readonly whole: boolean;
}

/**
 * Makes an object of a body: in one request where the body is at most one chunk, else by a resumable upload. The object appears when all bytes are there.
 *
 * Whether a request whose answer was lost took effect is told by the nonce that the object carries, never by a status.
 */
export async function upload(context: Context, made: Draft, body: DriverBody, options: DriverWriteOptions): Promise<Resource> {
  const { signal } = options;
  const opening = await open(context, body, options);
  signal?.throwIfAborted();
  if (opening.whole) return uploadWhole(context, made, opening.first, signal);
  return uploadChunks(context, made, opening, signal);
}

// A body that throws here has cost no request.
async function open({ settings }: Context, body: DriverBody, options: DriverWriteOptions): Promise<Opening> {
  const { partSizeBytes = settings.chunkSizeBytes, sizeBytes, signal } = options;
  const chunkBytes = Math.ceil(partSizeBytes / CHUNK_STEP_BYTES) * CHUNK_STEP_BYTES;
  const cutter = new BodyCutter(body, chunkBytes, body instanceof Uint8Array ? body.byteLength : sizeBytes);
  try {
    const first = (await untilAborted(cutter.next(), signal)) ?? new Uint8Array();
    return { cutter, first, whole: first.byteLength < chunkBytes || (await untilAborted(cutter.isAtEnd(), signal)) };
  } catch (error) {
    cutter.abandon();
    throw withOutcome(error, "not-applied", signal);
  }
}

/** https://cloud.google.com/storage/docs/uploading-objects#rest-upload-objects, "multipart" */
async function uploadWhole(context: Context, made: Draft, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<Resource> {
  const crc32c = createHasher("crc32c");
  crc32c.update(bytes);
  const described = {
    name: made.key,
    ...made.description,
    crc32c: base64Of(crc32c.digest()),
    md5Hash: createHash("md5").update(bytes).digest("base64"),
  };
  const boundary = `omni-${randomUUID()}`;
  const type = made.description.contentType ?? "application/octet-stream";
  const head = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(described)}\r\n--${boundary}\r\ncontent-type: ${type}\r\n\r\n`;
  const request = {
    operation: "objects.insert",
    method: "POST",
    path: `/upload/storage/v1/b/${context.settings.bucket}/o`,
    query: { uploadType: "multipart", ifGenerationMatch: made.over, fields: FIELDS },
    headers: { "content-type": `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--`)],
    effect: "single",
  } as const;
  return untilKnown(context, made, signal, async () => {
    try {
      return resourceOf((await context.wire.send(request, signal)).text);
    } catch (error) {
      throw asBucketMissing(error);
    }
  });
}

/**
 * Makes an object by a request that is not to be repeated blindly: after one that may have taken effect, the store is asked whether it did.
 *
 * @throws OmniError ALREADY_EXISTS or PRECONDITION_FAILED where the condition of `made` does not hold
 */
export async function untilKnown(
  context: Context,
  made: Pick<Draft, "key" | "nonce" | "over">,
  signal: AbortSignal | undefined,
  work: () => Promise<Resource>,
): Promise<Resource> {
  let inDoubt = false;
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted || OmniError.is(error)) throw inDoubt ? withOutcome(error, "unknown", signal) : error;
      inDoubt ||= outcomeOf(error) === "unknown";
      if (inDoubt) {
        const shown = await shownAt(context, made.key, signal, error);
        if (shown !== undefined && isFrom(shown, made.nonce)) return shown;
      }
      if (statusOf(error) === 412 && made.over !== undefined)
        throw lostCondition(made.over, inDoubt ? "unknown" : "not-applied", error);
      if (!inDoubt || tries >= context.settings.maxAttempts || !isTransient(error)) {
        throw annotate(error, { outcome: inDoubt ? "unknown" : "not-applied" });
      }
      await delay(backoffMs(tries), undefined, signal);
    }
  }
}

async function shownAt(
  context: Context,
  key: string,
  signal: AbortSignal | undefined,
  first: unknown,
): Promise<Resource | undefined> {
  try {
    return await lookUp(context, key, signal);
  } catch {
    // Where even that cannot be known, the first error is the one that counts.
    throw annotate(first, { outcome: "unknown" });
  }
}

/** https://cloud.google.com/storage/docs/performing-resumable-uploads */
async function uploadChunks(
  context: Context,
  made: Draft,
  { cutter, first }: Opening,
  signal: AbortSignal | undefined,
): Promise<Resource> {
  let session: ResumableUpload | undefined;
  try {
    session = await ResumableUpload.begin(context, made, signal);
    const resource = await sendAll(session, cutter, first, signal);
    return await checked(context, resource, session, signal);
  } catch (error) {
    cutter.abandon();
    if (session === undefined) throw withOutcome(lostAtStart(made, asBucketMissing(error)), "not-applied", signal);
    return await settleFailed(context, made, session, error, signal);
  }
}

function lostAtStart({ over }: Draft, error: unknown): unknown {
  return statusOf(error) === 412 && over !== undefined ? lostCondition(over, "not-applied", error) : error;
}

async function sendAll(
  session: ResumableUpload,
  cutter: BodyCutter,
  first: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Resource> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  let chunk = first;
  // A whole chunk goes out as soon as it is full, while the next one fills; what is shorter is the end.
  while (chunk.byteLength === first.byteLength) {
    const sending = session.append(chunk, either);
    let next: Uint8Array | undefined;
    try {
      [next] = await Promise.all([untilAborted(cutter.next(), signal), sending]);
    } catch (error) {
      stop.abort(error);
      await Promise.allSettled([sending]);
      throw error;
    }
    cutter.release(chunk);
    chunk = next ?? new Uint8Array();
  }
  return session.finish(chunk, signal);
}

// The checksum goes with the last chunk and the store refuses what it does not fit; one that does not look is found out here.
async function checked(
  context: Context,
  resource: Resource,
  session: ResumableUpload,
  signal: AbortSignal | undefined,
): Promise<Resource> {
  if (resource.crc32c === undefined || resource.crc32c === session.crc32c) return resource;
  await context.wire.send(
    {
      operation: "objects.delete",
      method: "DELETE",
      path: objectPath(context, resource.name),
      query: { ifGenerationMatch: resource.generation },
      accepts: [404, 412],
      effect: "repeatable",
    },
    signal,
  );
  throw new OmniError("CHECKSUM_MISMATCH", {
    reason: `the store has bytes of crc32c ${resource.crc32c}, those sent have ${session.crc32c}: the object was deleted`,
    outcome: "unknown",
  });
}

async function settleFailed(
  context: Context,
  made: Draft,
  session: ResumableUpload,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<Resource> {
  if (!session.mayBeFinished) {
    await session.cancel();
    throw withOutcome(isSessionGone(error) ? sessionGone(error) : lostAtStart(made, error), "not-applied", signal);
  }
  if (signal?.aborted || OmniError.is(error)) throw session.isInDoubt ? withOutcome(error, "unknown", signal) : error;
  const shown = await shownAt(context, made.key, signal, error);
  if (shown !== undefined && isFrom(shown, made.nonce)) return shown;
  const isLost = statusOf(error) === 412 && made.over !== undefined;
  // A session that could be cancelled had not made its object.
  const isWithdrawn = !session.isInDoubt || (await session.cancel());
  const outcome = isWithdrawn ? "not-applied" : "unknown";
  if (isLost) throw lostCondition(made.over, outcome, error);
  throw annotate(isSessionGone(error) ? sessionGone(error) : error, { outcome });
}

function sessionGone(error: unknown): unknown {
  return annotate(new GcsError("the store has forgotten the upload: write again", { status: 503 }), factsOf(error));
}
