import type { HeadObjectCommandOutput, ServerSideEncryption, StorageClass } from "@aws-sdk/client-s3";
import type { DriverWriteOptions, HashAlgorithm, ObjectInfo, WriteStamp } from "@omni/core";
import { nodeCrypto } from "./builtins.ts";
import { checkHeader, decodeMetadata, encodeMetadata } from "./metadata.ts";
import type { S3Settings } from "./settings.ts";
import type { Input } from "./wire.ts";

/** Quotes an etag as HTTP has it; some stores leave the quotes out here and there. */
export function quoted(etag: string | undefined): string | undefined {
  return etag === undefined || etag === "" || etag.endsWith('"') ? etag || undefined : `"${etag}"`;
}

type Described = Partial<Omit<HeadObjectCommandOutput, "Body">>;

/** What an answer to HEAD or GET says of an object. */
export function infoOf(path: string, output: Described): ObjectInfo {
  const { metadata, stamp, modifiedAt } = decodeMetadata(output.Metadata);
  const hashes = hashesOf(output);
  const contentEncoding = withoutChunking(output.ContentEncoding);
  return {
    path,
    size: sizeOf(output),
    ...defined({
      modifiedAt: modifiedAt ?? output.LastModified,
      etag: quoted(output.ETag),
      version: output.VersionId === "null" ? undefined : output.VersionId,
      contentType: output.ContentType,
      cacheControl: output.CacheControl,
      contentEncoding,
      contentDisposition: output.ContentDisposition,
      hashes,
      stamp,
    }),
    metadata,
  };
}

/** The nonce of the upload that an object came from. */
export function nonceOf(output: Described): string | undefined {
  return decodeMetadata(output.Metadata).nonce;
}

// The total of a range stands in Content-Range alone.
function sizeOf(output: Described): number {
  const total = output.ContentRange === undefined ? undefined : /\/(\d+)$/.exec(output.ContentRange)?.[1];
  return total === undefined ? (output.ContentLength ?? 0) : Number(total);
}

// Some stores keep the transfer's own encoding: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
function withoutChunking(encoding: string | undefined): string | undefined {
  const kept = encoding
    ?.split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "" && part !== "aws-chunked");
  return kept === undefined || kept.length === 0 ? undefined : kept.join(",");
}

// A checksum over the parts' checksums ("-3" at its end) says nothing about the bytes of the object.
function hashesOf(output: Described): ObjectInfo["hashes"] {
  if (output.ChecksumType === "COMPOSITE") return undefined;
  const hashes: Partial<Record<HashAlgorithm, string>> = {};
  const native = { crc32c: output.ChecksumCRC32C, sha1: output.ChecksumSHA1, sha256: output.ChecksumSHA256 };
  for (const [algorithm, value] of Object.entries(native))
    if (value && !value.includes("-")) hashes[algorithm as HashAlgorithm] = Buffer.from(value, "base64").toString("hex");
  return Object.keys(hashes).length === 0 ? undefined : hashes;
}

/** A CRC-32C in hexadecimal as S3 writes it. */
export function checksumHeader(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}

/** An object in the making: its key, its headers, and what its info will be. */
export interface Draft {
  readonly path: string;
  readonly nonce: string;
  readonly options: DriverWriteOptions;
  /** What PutObject and CreateMultipartUpload take alike. */
  readonly headers: Omit<Input<"CreateMultipartUpload">, "Key">;
}

/** Prepares the headers of a write. */
export function draft(settings: S3Settings, path: string, options: DriverWriteOptions): Draft {
  const nonce = nodeCrypto().randomUUID();
  return { path, nonce, options, headers: headersOf(settings, nonce, options) };
}

/** What an object is described with, apart from its bytes. */
export type Description = Pick<
  DriverWriteOptions,
  "contentType" | "cacheControl" | "contentEncoding" | "contentDisposition" | "metadata" | "modifiedAt" | "stamp"
>;

/** Headers and metadata of a new object. */
export function headersOf(settings: S3Settings, nonce: string, described: Description): Draft["headers"] {
  return {
    ...defined({
      ContentType: checkHeader("contentType", described.contentType),
      CacheControl: checkHeader("cacheControl", described.cacheControl),
      ContentEncoding: checkHeader("contentEncoding", described.contentEncoding),
      ContentDisposition: checkHeader("contentDisposition", described.contentDisposition),
      StorageClass: settings.storageClass as StorageClass | undefined,
      Tagging: settings.tags,
    }),
    ...encryptionOf(settings),
    Metadata: encodeMetadata(
      described.metadata,
      { nonce, stamp: described.stamp, modifiedAt: described.modifiedAt },
      settings.profile.plainMetadataKey,
    ),
  };
}

interface CustomerKey {
  readonly SSECustomerAlgorithm?: "AES256";
  readonly SSECustomerKey?: string;
}

interface Encryption extends CustomerKey {
  readonly ServerSideEncryption?: ServerSideEncryption;
  readonly SSEKMSKeyId?: string;
}

/** The caller's own key, which every request that touches the bytes or their description carries. */
export function customerKeyOf({ sseCustomerKey }: S3Settings): CustomerKey {
  return sseCustomerKey === undefined ? {} : { SSECustomerAlgorithm: "AES256", SSECustomerKey: sseCustomerKey };
}

/** The same for the source of a copy. */
export function copySourceKeyOf({ sseCustomerKey }: S3Settings): {
  CopySourceSSECustomerAlgorithm?: "AES256";
  CopySourceSSECustomerKey?: string;
} {
  return sseCustomerKey === undefined ? {} : { CopySourceSSECustomerAlgorithm: "AES256", CopySourceSSECustomerKey: sseCustomerKey };
}

function encryptionOf(settings: S3Settings): Encryption {
  const { serverSideEncryption, sseKmsKeyId } = settings;
  return { ...customerKeyOf(settings), ...defined({ ServerSideEncryption: serverSideEncryption, SSEKMSKeyId: sseKmsKeyId }) };
}

/** What is known of an object that was just written. */
export function writtenInfo(
  draft: Pick<Draft, "path" | "options">,
  size: number,
  crc32c: string | undefined,
  answer: { ETag?: string | undefined; VersionId?: string | undefined },
): ObjectInfo {
  const { contentType, cacheControl, contentEncoding, contentDisposition, metadata, modifiedAt, stamp } = draft.options;
  return {
    path: draft.path,
    size,
    ...defined({
      modifiedAt,
      etag: quoted(answer.ETag),
      version: answer.VersionId === "null" ? undefined : answer.VersionId,
      contentType,
      cacheControl,
      contentEncoding,
      contentDisposition,
      hashes: crc32c === undefined ? undefined : { crc32c },
      stamp: stamp as WriteStamp | undefined,
    }),
    metadata: metadata ?? {},
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that have a value. */
export function defined<T extends object>(fields: T): Defined<T> {
  const kept: Partial<T> = {};
  for (const name in fields) if (fields[name] !== undefined) kept[name] = fields[name];
  return kept as Defined<T>;
}
