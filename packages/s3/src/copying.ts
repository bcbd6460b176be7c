import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import { type DriverDeleteOptions, type DriverOptions, type MetadataChange, type ObjectInfo, OmniError } from "@omni/core";
import { nodeCrypto } from "./builtins.ts";
import type { Context } from "./context.ts";
import { annotate, codeOf, statusOf } from "./errors.ts";
import { decodeMetadata } from "./metadata.ts";
import { notApplied } from "./multipart.ts";
import { copySourceKeyOf, customerKeyOf, type Description, defined, headersOf, infoOf, quoted } from "./objects.ts";
import { complete } from "./publishing.ts";
import { dropUpload, type UploadedPart } from "./uploads.ts";

// A part of a copy takes no memory here and at most 5 GiB there; this many bytes keep the parts of the largest object below 10,000.
const COPY_PART_BYTES = 512 * 1024 * 1024;

/** Copies within the store: in one request up to the threshold, else in parts. The source is pinned by its etag. */
export async function copy(context: Context, from: string, to: string, { signal }: DriverOptions): Promise<ObjectInfo> {
  const source = await head(context, from, signal);
  return copyAs(context, from, to, source, undefined, signal);
}

/** Copies, then deletes the source if it is still what was copied. */
export async function move(context: Context, from: string, to: string, { signal }: DriverOptions): Promise<ObjectInfo> {
  const { send, key, settings } = context;
  const source = await head(context, from, signal);
  const info = await copyAs(context, from, to, source, undefined, signal);
  const kept = settings.profile.conditional.delete ? source : await headAfterCopy(context, from, signal);
  if (kept.ETag !== source.ETag) throw sourceChanged(from);
  const condition = settings.profile.conditional.delete && source.ETag ? { IfMatch: source.ETag } : {};
  try {
    await send("DeleteObject", { Key: key(from), ...condition }, signal);
  } catch (error) {
    if (statusOf(error) === 412) throw sourceChanged(from, error);
    if (statusOf(error) !== 404 || codeOf(error) === "NoSuchBucket") throw annotate(error, { outcome: "unknown" });
  }
  return info;
}

/** Replaces what describes an object by copying it over itself. */
export async function setMetadata(
  context: Context,
  path: string,
  change: MetadataChange,
  { signal, ifMatch }: DriverDeleteOptions,
): Promise<ObjectInfo> {
  const source = await head(context, path, signal);
  if (ifMatch !== undefined && quoted(source.ETag) !== quoted(ifMatch))
    throw new OmniError("PRECONDITION_FAILED", { outcome: "not-applied" });
  const { metadata, modifiedAt, stamp } = decodeMetadata(source.Metadata);
  const described: Description = {
    contentType: change.contentType ?? source.ContentType,
    cacheControl: change.cacheControl ?? source.CacheControl,
    contentEncoding: change.contentEncoding ?? source.ContentEncoding,
    contentDisposition: change.contentDisposition ?? source.ContentDisposition,
    metadata: change.metadata ?? metadata,
    modifiedAt: change.modifiedAt ?? modifiedAt ?? source.LastModified,
    stamp,
  };
  return copyAs(context, path, path, source, described, signal);
}

// After the copy was made, what fails leaves two objects and not the one.
async function headAfterCopy(context: Context, path: string, signal: AbortSignal | undefined): Promise<HeadObjectCommandOutput> {
  try {
    return await head(context, path, signal);
  } catch (error) {
    throw annotate(error, { outcome: "unknown" });
  }
}

async function head(
  { send, key, settings }: Context,
  path: string,
  signal: AbortSignal | undefined,
): Promise<HeadObjectCommandOutput> {
  try {
    return await send("HeadObject", { Key: key(path), ...customerKeyOf(settings) }, signal);
  } catch (error) {
    throw annotate(error, { outcome: "not-applied" });
  }
}

/** `described` replaces what describes the source; absent, that goes along. */
async function copyAs(
  context: Context,
  from: string,
  to: string,
  source: HeadObjectCommandOutput,
  described: Description | undefined,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo> {
  const { settings, send, key } = context;
  const size = source.ContentLength ?? 0;
  if (size > settings.copyThresholdBytes && settings.profile.multipartCopy)
    return copyInParts(context, from, to, source, described, signal);
  const { Tagging: _, ...headers } = headersOf(settings, nodeCrypto().randomUUID(), described ?? {});
  const { Metadata, ...kept } = headers;
  const replaced = described === undefined ? kept : { ...kept, Metadata, MetadataDirective: "REPLACE" as const };
  try {
    const answer = await send(
      "CopyObject",
      { Key: key(to), ...sourceOf(context, from, source), ...copySourceKeyOf(settings), ...replaced },
      signal,
    );
    const copied = {
      ...source,
      ...(described === undefined ? {} : describe(described, Metadata)),
      ...defined({ ETag: answer.CopyObjectResult?.ETag, LastModified: answer.CopyObjectResult?.LastModified }),
    };
    return infoOf(to, { ...copied, VersionId: answer.VersionId });
  } catch (error) {
    throw statusOf(error) === 412 ? sourceChanged(from, error) : error;
  }
}

function describe(described: Description, metadata: Record<string, string> | undefined): Partial<HeadObjectCommandOutput> {
  const { contentType, cacheControl, contentEncoding, contentDisposition } = described;
  return {
    ...defined({
      ContentType: contentType,
      CacheControl: cacheControl,
      ContentEncoding: contentEncoding,
      ContentDisposition: contentDisposition,
    }),
    ...(metadata ? { Metadata: metadata } : {}),
  };
}

// The header is a URL's path: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
function sourceOf(
  { settings, key }: Context,
  from: string,
  source: HeadObjectCommandOutput,
): { CopySource: string; CopySourceIfMatch?: string } {
  const CopySource = [settings.bucket, ...key(from).split("/")].map(encodeURIComponent).join("/");
  return { CopySource, ...(source.ETag ? { CopySourceIfMatch: source.ETag } : {}) };
}

async function copyInParts(
  context: Context,
  from: string,
  to: string,
  source: HeadObjectCommandOutput,
  described: Description | undefined,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo> {
  const { send, key, settings } = context;
  const size = source.ContentLength ?? 0;
  const nonce = nodeCrypto().randomUUID();
  const headers = headersOf(settings, nonce, described ?? descriptionOf(source));
  const Tagging = (await tagsOf(context, from, source, signal)) ?? headers.Tagging;
  const { UploadId: uploadId = "" } = await send(
    "CreateMultipartUpload",
    { Key: key(to), ...headers, ...defined({ Tagging }) },
    signal,
  );
  const stop = new AbortController();
  const forward = (): void => stop.abort(signal?.reason);
  signal?.addEventListener("abort", forward, { once: true });
  try {
    const parts = await copyParts(context, from, to, source, uploadId, stop);
    const answer = await complete(
      context,
      { path: to, uploadId, nonce, size, crc32c: undefined, partCount: parts.length, parts },
      {},
      signal,
    );
    return infoOf(to, {
      ...source,
      Metadata: headers.Metadata,
      ETag: answer.ETag,
      VersionId: answer.VersionId,
      ...describe(described ?? {}, headers.Metadata),
    });
  } catch (error) {
    await dropUpload(context, key(to), uploadId, true);
    throw statusOf(error) === 412 ? sourceChanged(from, error) : error;
  } finally {
    signal?.removeEventListener("abort", forward);
  }
}

async function copyParts(
  context: Context,
  from: string,
  to: string,
  source: HeadObjectCommandOutput,
  uploadId: string,
  stop: AbortController,
): Promise<UploadedPart[]> {
  const { send, key, settings } = context;
  const size = source.ContentLength ?? 0;
  const partBytes = Math.min(COPY_PART_BYTES, settings.copyThresholdBytes);
  const parts: UploadedPart[] = [];
  let at = 0;
  const lane = async (): Promise<void> => {
    while (at < size && !stop.signal.aborted) {
      const first = at;
      const PartNumber = parts.length + 1;
      at = Math.min(size, at + partBytes);
      parts.push({ PartNumber, ETag: undefined });
      const CopySourceRange = `bytes=${first}-${at - 1}`;
      const input = {
        Key: key(to),
        UploadId: uploadId,
        PartNumber,
        CopySourceRange,
        ...sourceOf(context, from, source),
        ...copySourceKeyOf(settings),
        ...customerKeyOf(settings),
      };
      const { CopyPartResult } = await send("UploadPartCopy", input, stop.signal);
      parts[PartNumber - 1] = { PartNumber, ETag: CopyPartResult?.ETag };
    }
  };
  const lanes = Array.from({ length: settings.concurrency }, lane);
  try {
    await Promise.all(lanes);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(lanes);
    throw notApplied(error);
  }
  stop.signal.throwIfAborted();
  return parts;
}

function descriptionOf(source: HeadObjectCommandOutput): Description {
  const { metadata, modifiedAt, stamp } = decodeMetadata(source.Metadata);
  return {
    contentType: source.ContentType,
    cacheControl: source.CacheControl,
    contentEncoding: source.ContentEncoding,
    contentDisposition: source.ContentDisposition,
    metadata,
    modifiedAt,
    stamp,
  };
}

// CopyObject takes tags along by itself, an upload does not.
async function tagsOf(
  context: Context,
  path: string,
  source: HeadObjectCommandOutput,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (!context.settings.profile.tags || source.TagCount === 0) return undefined;
  const { TagSet = [] } = await context.send("GetObjectTagging", { Key: context.key(path) }, signal);
  if (TagSet.length === 0) return undefined;
  return new URLSearchParams(TagSet.map(({ Key = "", Value = "" }): [string, string] => [Key, Value])).toString();
}

function sourceChanged(path: string, cause?: unknown): OmniError {
  return new OmniError("PRECONDITION_FAILED", {
    reason: `${JSON.stringify(path)} changed while it was copied; it was kept`,
    outcome: "unknown",
    cause,
  });
}
