import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { encodeSegment } from "./keys.ts";
import type { OperationName } from "./wire.ts";

/** The operations of the lean path: their requests are headers and bytes; so are their answers, but for the page of a listing. */
export const LEAN_METHODS: Partial<Readonly<Record<OperationName, "GET" | "HEAD" | "PUT" | "DELETE">>> = {
  GetObject: "GET",
  HeadObject: "HEAD",
  PutObject: "PUT",
  DeleteObject: "DELETE",
  ListObjectsV2: "GET",
};

/** Fields of an input that travel as headers. */
const IN_HEADERS: Readonly<Record<string, string>> = {
  CacheControl: "cache-control",
  ChecksumCRC32C: "x-amz-checksum-crc32c",
  ChecksumMode: "x-amz-checksum-mode",
  ContentDisposition: "content-disposition",
  ContentEncoding: "content-encoding",
  ContentType: "content-type",
  IfMatch: "if-match",
  IfNoneMatch: "if-none-match",
  Range: "range",
  ServerSideEncryption: "x-amz-server-side-encryption",
  SSEKMSKeyId: "x-amz-server-side-encryption-aws-kms-key-id",
  StorageClass: "x-amz-storage-class",
  Tagging: "x-amz-tagging",
};

/** Fields of an input that travel in the query. None of the names begins with another, so that their order is that of whole parameters. */
const IN_QUERY: Readonly<Record<string, string>> = {
  ContinuationToken: "continuation-token",
  Delimiter: "delimiter",
  EncodingType: "encoding-type",
  MaxKeys: "max-keys",
  Prefix: "prefix",
  StartAfter: "start-after",
};

const ELSEWHERE = new Set(["Key", "Body", "ContentLength", "Metadata"]);

/** What an input says before the body. */
export interface LeanHead {
  readonly headers: Record<string, string>;
  /** Encoded, in the order of its names. */
  readonly query: string;
}

/** The head of a request; `undefined` where its input has a field that the lean path does not know. */
export function headOf(operation: OperationName, input: Readonly<Record<string, unknown>>): LeanHead | undefined {
  const headers: Record<string, string> = {};
  const query = operation === "ListObjectsV2" ? ["list-type=2"] : [];
  for (const name in input) {
    const value = input[name];
    const header = IN_HEADERS[name];
    const parameter = IN_QUERY[name];
    if (header !== undefined) headers[header] = String(value);
    else if (parameter !== undefined) query.push(`${parameter}=${encodeSegment(String(value))}`);
    else if (!ELSEWHERE.has(name) && value !== undefined) return undefined;
  }
  const metadata = input.Metadata as Readonly<Record<string, string>> | undefined;
  for (const key in metadata) headers[`x-amz-meta-${key.toLowerCase()}`] = metadata[key] as string;
  return { headers, query: query.sort().join("&") };
}

/** Fields of an output that come as headers. */
const OUT_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "CacheControl",
  "content-disposition": "ContentDisposition",
  "content-encoding": "ContentEncoding",
  "content-range": "ContentRange",
  "content-type": "ContentType",
  etag: "ETag",
  "x-amz-checksum-crc32c": "ChecksumCRC32C",
  "x-amz-checksum-sha1": "ChecksumSHA1",
  "x-amz-checksum-sha256": "ChecksumSHA256",
  "x-amz-checksum-type": "ChecksumType",
  "x-amz-version-id": "VersionId",
};

/** What an answer says, in the words of the SDK. */
export function outputOf(name: OperationName, answer: IncomingMessage): Record<string, unknown> {
  const output: Record<string, unknown> = {};
  const metadata: Record<string, string> = {};
  const headers: IncomingHttpHeaders = answer.headers;
  for (const header in headers) {
    const field = OUT_HEADERS[header];
    if (field !== undefined) output[field] = headers[header];
    else if (header.startsWith("x-amz-meta-")) metadata[header.slice("x-amz-meta-".length)] = String(headers[header]);
  }
  if (headers["content-length"] !== undefined) output.ContentLength = Number(headers["content-length"]);
  if (headers["last-modified"] !== undefined) output.LastModified = new Date(headers["last-modified"]);
  if (headers["x-amz-tagging-count"] !== undefined) output.TagCount = Number(headers["x-amz-tagging-count"]);
  output.Metadata = metadata;
  if (name === "GetObject") output.Body = answer;
  return output;
}
