import { randomUUID } from "node:crypto";
import { type DriverWriteOptions, type HashAlgorithm, type ObjectInfo, OmniError, type WriteConditions } from "@omni/core";
import { decodeMetadata, encodeMetadata } from "./metadata.ts";
import type { GcsSettings } from "./settings.ts";
import type { Wire } from "./wire.ts";

/** What an operation on objects needs. */
export interface Context {
  readonly settings: GcsSettings;
  readonly wire: Wire;
  /** Name of the object at a path. */
  key(path: string): string;
}

/** What describes an object and is set when it is made: https://cloud.google.com/storage/docs/json_api/v1/objects#resource */
export interface Description {
  readonly contentType?: string | undefined;
  readonly cacheControl?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentLanguage?: string | undefined;
  readonly storageClass?: string | undefined;
  readonly customTime?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** An object as the store describes it. */
export interface Resource extends Description {
  readonly name: string;
  readonly generation: string;
  readonly metageneration: string;
  readonly size: string;
  /** base64 */
  readonly md5Hash?: string | undefined;
  /** base64, big-endian */
  readonly crc32c?: string | undefined;
  readonly timeCreated?: string | undefined;
}

/** What is asked for of an object; the rest (links, access lists) is left out of answers. */
export const FIELDS =
  "name,generation,metageneration,size,md5Hash,crc32c,timeCreated,contentType,cacheControl,contentEncoding,contentDisposition,contentLanguage,storageClass,customTime,metadata";

/** Path of an object's resource. */
export function objectPath({ settings }: Context, key: string): string {
  return `/storage/v1/b/${settings.bucket}/o/${encodeURIComponent(key)}`;
}

/** What the store says of an object. */
export function infoOf(path: string, resource: Resource): ObjectInfo {
  const { metadata, stamp, modifiedAt } = decodeMetadata(resource.metadata);
  return {
    path,
    size: Number(resource.size),
    ...defined({
      // Not `updated`, which moves with the metadata.
      modifiedAt: modifiedAt ?? (resource.timeCreated === undefined ? undefined : new Date(resource.timeCreated)),
      etag: resource.generation,
      version: resource.generation,
      contentType: resource.contentType || undefined,
      cacheControl: resource.cacheControl || undefined,
      contentEncoding: resource.contentEncoding || undefined,
      contentDisposition: resource.contentDisposition || undefined,
      hashes: hashesOf(resource),
      stamp,
    }),
    metadata,
  };
}

// An object composed of others has no MD5.
function hashesOf({ md5Hash, crc32c }: Resource): ObjectInfo["hashes"] {
  const hashes: Partial<Record<HashAlgorithm, string>> = {};
  if (md5Hash) hashes.md5 = Buffer.from(md5Hash, "base64").toString("hex");
  if (crc32c) hashes.crc32c = Buffer.from(crc32c, "base64").toString("hex");
  return Object.keys(hashes).length === 0 ? undefined : hashes;
}

/** An object to be made. */
export interface Draft {
  readonly key: string;
  readonly nonce: string;
  readonly description: Description;
  /** The generation that it replaces; "0" for nothing; `undefined` for whatever is there. */
  readonly over: string | undefined;
}

/** Prepares an object. */
export function draft(key: string, options: DriverWriteOptions, over: string | undefined): Draft {
  const nonce = randomUUID();
  return { key, nonce, description: descriptionOf(options, nonce), over };
}

function descriptionOf(options: DriverWriteOptions, nonce: string): Description {
  const { contentType, cacheControl, contentEncoding, contentDisposition, metadata, modifiedAt, stamp } = options;
  return {
    ...defined({ contentType, cacheControl, contentEncoding, contentDisposition }),
    metadata: encodeMetadata(metadata, { nonce, stamp, modifiedAt }),
  };
}

/** The description of an object, to be given to a copy of it under another nonce. */
export function descriptionOfCopy(source: Resource, nonce: string): Description {
  const { contentType, cacheControl, contentEncoding, contentDisposition, contentLanguage, storageClass, customTime } = source;
  const { metadata, ...fields } = decodeMetadata(source.metadata);
  return {
    ...defined({ contentType, cacheControl, contentEncoding, contentDisposition, contentLanguage, storageClass, customTime }),
    metadata: encodeMetadata(metadata, { ...fields, base: undefined, nonce }),
  };
}

/** Whether an object came from the upload with this nonce. */
export function isFrom(resource: Resource, nonce: string): boolean {
  return decodeMetadata(resource.metadata).nonce === nonce;
}

/**
 * The generation that conditions ask for.
 *
 * @throws OmniError PRECONDITION_FAILED for an etag that no object of this store can have
 */
export function generationOf({ ifNoneMatch, ifMatch }: WriteConditions): string | undefined {
  if (ifNoneMatch !== undefined) return "0";
  if (ifMatch !== undefined && !/^[1-9]\d{0,18}$/.test(ifMatch))
    throw new OmniError("PRECONDITION_FAILED", {
      reason: `precondition failed: ${JSON.stringify(ifMatch)} is no etag of this store, which are generation numbers`,
      outcome: "not-applied",
    });
  return ifMatch;
}

/** The error of a write whose condition does not hold. */
export function lostCondition(over: string | undefined, outcome: "not-applied" | "unknown", cause: unknown): OmniError {
  return new OmniError(over === "0" ? "ALREADY_EXISTS" : "PRECONDITION_FAILED", { outcome, cause });
}

/** A hexadecimal digest as the store writes it. */
export function base64Of(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}

/** An object in an answer of the store. */
export function resourceOf(text: string): Resource {
  const found = JSON.parse(text) as Partial<Resource>;
  if (typeof found.generation !== "string")
    throw new OmniError("UNKNOWN", { reason: "the store answered with something that is no object", outcome: "unknown" });
  return found as Resource;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that have a value. */
export function defined<T extends object>(fields: T): Defined<T> {
  const kept: Partial<T> = {};
  for (const name in fields) if (fields[name] !== undefined) kept[name] = fields[name];
  return kept as Defined<T>;
}
