import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import type { DriverBody, DriverWriteOptions, ObjectInfo, WriteConditions } from "@omni/core";
import { OmniError } from "@omni/core";
import type { Context } from "./context.ts";
import { annotate, codeOf, factsOf, statusOf } from "./errors.ts";
import { crcOf, openBody, uploadParts } from "./multipart.ts";
import { checksumHeader, customerKeyOf, type Draft, draft, infoOf, nonceOf, quoted, writtenInfo } from "./objects.ts";
import { dropUpload, isNoSuchUpload, removeUpload, type Upload, type UploadedPart } from "./uploads.ts";

/** Publishes a body: a small one in one request that carries all bytes, a large one as an upload in parts that is completed at the end. */
export async function publish(context: Context, path: string, body: DriverBody, options: DriverWriteOptions): Promise<ObjectInfo> {
  const made = draft(context.settings, path, options);
  const opening = await openBody(context, body, made);
  options.signal?.throwIfAborted();
  // A live stream is never handed to PutObject: one that fails there raises an error that nobody can catch.
  if (opening.whole) return put(context, made, opening.first);
  const upload = await uploadParts(context, made, opening);
  try {
    return writtenInfo(made, upload.size, upload.crc32c, await complete(context, upload, options, options.signal));
  } catch (error) {
    const known = OmniError.is(error) ? error : undefined;
    if ((known ?? factsOf(error)).outcome !== "unknown") await dropUpload(context, context.key(path), upload.uploadId, false);
    // Nobody else has a reason to remove the upload of a plain write: it was swept, or made visible and replaced at once.
    if (known?.code === "NOT_FOUND")
      throw new OmniError("IN_DOUBT", {
        reason: "the upload is gone and the object is another's",
        outcome: "unknown",
        cause: error,
      });
    throw error;
  }
}

async function put(context: Context, made: Draft, bytes: Uint8Array): Promise<ObjectInfo> {
  const { settings, send } = context;
  const crc32c = settings.profile.checksum === "crc32c" ? crcOf(bytes) : undefined;
  const input = {
    Key: context.key(made.path),
    ...made.headers,
    ...conditionsOf(made.options),
    Body: bytes,
    ContentLength: bytes.byteLength,
  };
  try {
    const answer = await send(
      "PutObject",
      { ...input, ...(crc32c ? { ChecksumCRC32C: checksumHeader(crc32c) } : {}) },
      made.options.signal,
    );
    return writtenInfo(made, bytes.byteLength, crc32c, answer);
  } catch (error) {
    const shown = await judge(context, made, error, made.options, made.options.signal);
    return infoOf(made.path, shown);
  }
}

/** What CompleteMultipartUpload or a look at the object answered. */
export type Completed = Pick<HeadObjectCommandOutput, "ETag" | "VersionId">;

/**
 * Makes an upload visible. Idempotent: "no such upload" means aborted or completed, so the object is asked whose it is.
 *
 * @throws OmniError NOT_FOUND when the upload is gone, ALREADY_EXISTS, PRECONDITION_FAILED
 */
export async function complete(
  context: Context,
  upload: Upload,
  conditions: WriteConditions,
  signal: AbortSignal | undefined,
): Promise<Completed> {
  const { send, settings } = context;
  const Key = context.key(upload.path);
  const { uploadId: UploadId, crc32c } = upload;
  try {
    const listed = upload.parts ?? (await partsOf(context, upload, signal));
    if (listed === undefined) return await abandon(context, upload, signal);
    const Parts = [...listed];
    // An empty object's checksum proves nothing, and MinIO takes its zero for a missing one.
    const checksum =
      crc32c === undefined || upload.size === 0
        ? {}
        : ({ ChecksumCRC32C: checksumHeader(crc32c), ChecksumType: "FULL_OBJECT" } as const);
    const input = {
      Key,
      UploadId,
      MultipartUpload: { Parts },
      ...checksum,
      ...conditionsOf(conditions),
      ...customerKeyOf(settings),
    };
    return await send("CompleteMultipartUpload", input, signal);
  } catch (error) {
    return judge(context, upload, error, conditions, signal);
  }
}

/** The parts of an upload, as the store has them; `undefined` when some that it had are gone. */
async function partsOf(
  { send, key }: Context,
  upload: Upload,
  signal: AbortSignal | undefined,
): Promise<readonly UploadedPart[] | undefined> {
  const parts: UploadedPart[] = [];
  let marker: string | undefined;
  do {
    const page = await send(
      "ListParts",
      { Key: key(upload.path), UploadId: upload.uploadId, ...(marker ? { PartNumberMarker: marker } : {}) },
      signal,
    );
    for (const { PartNumber = 0, ETag, ChecksumCRC32C } of page.Parts ?? [])
      parts.push({ PartNumber, ETag, ...(ChecksumCRC32C ? { ChecksumCRC32C } : {}) });
    if (page.IsTruncated && (!page.NextPartNumberMarker || page.NextPartNumberMarker === marker))
      throw new OmniError("UNKNOWN", {
        reason: "the store cut the list of parts short without saying how to go on",
        outcome: "not-applied",
      });
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  if (parts.length < upload.partCount) return undefined;
  if (parts.length > upload.partCount)
    throw new OmniError("CHECKSUM_MISMATCH", {
      reason: `the store has ${parts.length} parts of the upload, ${upload.partCount} were sent`,
      outcome: "not-applied",
    });
  return parts;
}

/**
 * What becomes of an upload whose parts were there and are gone: MinIO loses them when the connection of a completion breaks off while it is at it. Such an
 * upload can never be completed; it is aborted, so that no completion which is still under way makes it visible later, and then the object has the last word.
 */
async function abandon(context: Context, upload: Upload, signal: AbortSignal | undefined): Promise<Completed> {
  const { path, nonce, uploadId } = upload;
  await removeUpload(context, context.key(path), uploadId, false, signal);
  const lost = new Error("the store has lost parts of the upload");
  const shown = await look(context, path, signal, lost);
  if (shown !== undefined && nonceOf(shown) === nonce) return shown;
  throw goneError(lost, true);
}

/** Headers of conditions. */
export function conditionsOf({ ifNoneMatch, ifMatch }: WriteConditions): { IfNoneMatch?: string; IfMatch?: string } {
  return {
    ...(ifNoneMatch === undefined ? {} : { IfNoneMatch: ifNoneMatch }),
    ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
  };
}

/**
 * What became of a publication whose request failed. The status alone does not say: an answer may be lost after the object was made, and a
 * repeated request then meets its own success. The nonce that the object carries does.
 *
 * @returns what the object shows, when it is this upload's
 * @throws the error, with what is known of its effect
 */
async function judge(
  context: Context,
  { path, nonce, uploadId }: Subject,
  error: unknown,
  conditions: WriteConditions,
  signal: AbortSignal | undefined,
): Promise<HeadObjectCommandOutput> {
  if (OmniError.is(error) || signal?.aborted) throw error;
  const isUpload = uploadId !== undefined;
  const inDoubt = factsOf(error).outcome === "unknown";
  const lost = isLost(error, conditions);
  const gone = isUpload && !lost && isNoSuchUpload(error);
  const conflict = statusOf(error) === 409;
  if (!inDoubt && !gone && !conflict) throw lost ? lostCondition(error, conditions) : error;
  const shown = await look(context, path, signal, error);
  if (shown !== undefined && nonceOf(shown) === nonce) return shown;
  // An answer that ends the matter: refused by its condition, whatever became of an earlier try of the same request.
  if (lost) throw lostCondition(error, conditions);
  if (conflict) throw conflictOf(error, conditions, shown);
  if (gone) throw goneError(error, inDoubt);
  if (isUpload && (await isUploadGone(context, path, uploadId, signal, error))) {
    const settled = await look(context, path, signal, error);
    if (settled !== undefined && nonceOf(settled) === nonce) return settled;
    throw goneError(error, true);
  }
  throw error;
}

interface Subject {
  readonly path: string;
  readonly nonce: string;
  /** Absent for PutObject. */
  readonly uploadId?: string | undefined;
}

function goneError(cause: unknown, inDoubt: boolean): OmniError {
  const reason = "the staged write is gone: it was discarded or swept, or another write replaced it after its commit";
  return new OmniError("NOT_FOUND", { reason, outcome: inDoubt ? "unknown" : "not-applied", cause });
}

// Ceph answers 500 where an upload is gone. An object shows before its upload goes: in this order the two looks leave no gap.
async function isUploadGone(
  { send, key }: Context,
  path: string,
  UploadId: string,
  signal: AbortSignal | undefined,
  first: unknown,
): Promise<boolean> {
  try {
    await send("ListParts", { Key: key(path), UploadId, MaxParts: 1 }, signal);
    return false;
  } catch (error) {
    if (isNoSuchUpload(error)) return true;
    throw annotate(first, { outcome: "unknown" });
  }
}

// The same request without its condition would be answered otherwise.
function isLost(error: unknown, { ifMatch, ifNoneMatch }: WriteConditions): boolean {
  const status = statusOf(error);
  return (
    (status === 412 && (ifMatch !== undefined || ifNoneMatch !== undefined)) ||
    (status === 404 && ifMatch !== undefined && codeOf(error) === "NoSuchKey")
  );
}

function lostCondition(cause: unknown, { ifNoneMatch }: WriteConditions): OmniError {
  return new OmniError(ifNoneMatch === undefined ? "PRECONDITION_FAILED" : "ALREADY_EXISTS", { outcome: "not-applied", cause });
}

// Two conditional writes met: the store refuses one of them without looking at its condition.
function conflictOf(
  error: unknown,
  { ifNoneMatch, ifMatch }: WriteConditions,
  shown: HeadObjectCommandOutput | undefined,
): unknown {
  if (ifNoneMatch !== undefined && shown !== undefined) return lostCondition(error, { ifNoneMatch });
  if (ifMatch !== undefined && quoted(shown?.ETag) !== quoted(ifMatch)) return lostCondition(error, {});
  return error;
}

/** What stands at a path; `undefined` for nothing. Where even that cannot be known, the first error is the one that counts. */
async function look(
  { send, key, settings }: Context,
  path: string,
  signal: AbortSignal | undefined,
  first: unknown,
): Promise<HeadObjectCommandOutput | undefined> {
  try {
    return await send("HeadObject", { Key: key(path), ...customerKeyOf(settings) }, signal);
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw annotate(first, { outcome: "unknown" });
  }
}
