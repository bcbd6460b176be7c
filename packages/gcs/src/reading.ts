import type { IncomingMessage } from "node:http";
import { createHasher, type DriverRead, type DriverReadOptions, NetworkBody, OmniError } from "@omni/core";
import { annotate, factsOf, type GcsError, statusOf } from "./errors.ts";
import { type Context, defined, FIELDS, generationOf, infoOf, objectPath, type Resource, resourceOf } from "./objects.ts";
import type { OpenAnswer } from "./wire.ts";

/** How often an object that is replaced while it is opened is opened again. */
const OPENINGS = 5;

/** What is at a key. NOT_FOUND when there is nothing. */
export async function stat(context: Context, key: string, signal: AbortSignal | undefined, generation?: string): Promise<Resource> {
  const request = {
    operation: "objects.get",
    method: "GET",
    path: objectPath(context, key),
    query: { fields: FIELDS, ifGenerationMatch: generation },
    effect: "reads",
  } as const;
  try {
    return resourceOf((await context.wire.send(request, signal)).text);
  } catch (error) {
    throw await withBucketChecked(context, error, signal);
  }
}

/** What is at a key; `undefined` for nothing. */
export async function lookUp(context: Context, key: string, signal: AbortSignal | undefined): Promise<Resource | undefined> {
  try {
    return await stat(context, key, signal);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether an error says that the object, and not the bucket, is missing. */
export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404 && (error as GcsError).reason !== "bucketNotFound";
}

const bucketsThere = new WeakSet<object>();

/**
 * A missing object and a missing bucket have one status, and not every server tells them apart in words: until the bucket has been seen, it is asked for.
 *
 * @returns the error to throw
 */
export async function withBucketChecked(context: Context, error: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  if (!isMissing(error) || bucketsThere.has(context) || /no such object/i.test((error as Error).message)) return error;
  const { bucket } = context.settings;
  try {
    const query = { maxResults: 1, fields: "nextPageToken" };
    await context.wire.send(
      { operation: "objects.list", method: "GET", path: `/storage/v1/b/${bucket}/o`, query, effect: "reads" },
      signal,
    );
    bucketsThere.add(context);
  } catch (listing) {
    if (signal?.aborted) throw signal.reason;
    if (statusOf(listing) === 404) {
      const { status } = error as GcsError;
      return Object.assign(error as GcsError, { status, reason: "bucketNotFound" });
    }
  }
  return error;
}

/**
 * Opens an object. Its bytes and its description are two requests, made at once: the headers that come with the bytes know neither the case of a
 * metadata key nor all characters of its value. Both must be of one generation.
 */
export async function read(context: Context, path: string, options: DriverReadOptions): Promise<DriverRead> {
  const { signal, ifMatch } = options;
  let pinned = ifMatch === undefined ? undefined : generationOf({ ifMatch });
  for (let opening = 1; ; opening++) {
    const [media, described] = await Promise.allSettled([
      openMedia(context, path, options, pinned),
      stat(context, context.key(path), signal, pinned),
    ]);
    if (media.status === "fulfilled" && described.status === "fulfilled") {
      const { generation } = described.value;
      if (media.value === undefined || (media.value.headers["x-goog-generation"] ?? pinned) === generation)
        return opened(path, described.value, media.value, options);
      media.value.body.destroy();
      pinned = generation;
    } else {
      if (media.status === "fulfilled") media.value?.body.destroy();
      const error: unknown = media.status === "rejected" ? media.reason : (described as PromiseRejectedResult).reason;
      if (signal?.aborted) throw signal.reason;
      // Replaced between the look and the pinned opening.
      const isMoved = ifMatch === undefined && pinned !== undefined && (statusOf(error) === 412 || isMissing(error));
      if (!isMoved) throw await withBucketChecked(context, error, signal);
      pinned = undefined;
    }
    if (opening === OPENINGS)
      throw new OmniError("UNAVAILABLE", { reason: `the object was replaced ${OPENINGS} times while it was opened: try again` });
  }
}

async function openMedia(
  context: Context,
  path: string,
  { offset = 0, limit, signal }: DriverReadOptions,
  generation: string | undefined,
): Promise<OpenAnswer | undefined> {
  const range =
    offset === 0 && limit === undefined ? undefined : `bytes=${offset}-${limit === undefined ? "" : offset + limit - 1}`;
  const request = {
    operation: "objects.get",
    method: "GET",
    path: objectPath(context, context.key(path)),
    query: { alt: "media", ifGenerationMatch: generation },
    // An object that is kept compressed comes as it is kept: https://cloud.google.com/storage/docs/transcoding
    headers: { "accept-encoding": "gzip", ...defined({ range }) },
    effect: "reads",
  } as const;
  try {
    return await context.wire.open(request, signal);
  } catch (error) {
    // A range past the end.
    if (statusOf(error) === 416) return undefined;
    throw error;
  }
}

function opened(path: string, resource: Resource, media: OpenAnswer | undefined, { offset = 0 }: DriverReadOptions): DriverRead {
  const info = infoOf(path, resource);
  if (media === undefined) return { info, body: none() };
  const length = media.headers["content-length"];
  const isWhole = offset === 0 && length !== undefined && Number(length) === info.size;
  const crc32c = isWhole ? info.hashes?.crc32c : undefined;
  return { info, body: new NetworkBody(media.body, crc32c === undefined ? undefined : verified(media.body, crc32c)) };
}

async function* none(): AsyncGenerator<Uint8Array, undefined> {}

/** The bytes of a whole object; the last chunk is held until the checksum agrees. */
async function* verified(body: IncomingMessage, crc32c: string): AsyncGenerator<Uint8Array, undefined> {
  const hasher = createHasher("crc32c");
  let held: Uint8Array | undefined;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (held !== undefined) yield held;
    hasher.update(chunk);
    held = chunk;
  }
  const digest = hasher.digest();
  if (digest !== crc32c)
    throw new OmniError("CHECKSUM_MISMATCH", {
      reason: `the bytes that came have crc32c ${digest}, the object has ${crc32c}: read again`,
    });
  if (held !== undefined) yield held;
}

/** What is known of the effect of the request that an error belongs to. */
export function outcomeOf(error: unknown): "not-applied" | "unknown" | undefined {
  if (OmniError.is(error)) return error.outcome;
  return factsOf(error).outcome;
}

/**
 * The error with what is known of the effect of the whole operation, whatever the request that failed last had to say. A reason of the caller's own is
 * left as it is.
 */
export function withOutcome(error: unknown, outcome: "not-applied" | "unknown", signal?: AbortSignal): unknown {
  if (!OmniError.is(error)) return signal?.aborted ? error : annotate(error, { outcome });
  if (error.outcome === outcome || error.operation !== undefined) return error;
  const { code, reason, retryable, cause } = error;
  return new OmniError(code, { reason, retryable, ...defined({ cause }), outcome });
}
