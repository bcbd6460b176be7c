import type { HashAlgorithm } from "./hash.ts";

/** Who wrote an object and in which order: the identity of a write across several stores. */
export interface WriteStamp {
  /** Write id, unique per write. */
  readonly id: string;
  /** Version counter; higher wins. */
  readonly counter?: number | undefined;
}

/** What is known of an object. A listing may know less than `stat`. */
export interface ObjectInfo {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly modifiedAt?: Date | undefined;
  /** Opaque; changes when the object does. Never a digest to be compared across stores. */
  readonly etag?: string | undefined;
  /** Names this version where the store keeps several. */
  readonly version?: string | undefined;
  readonly contentType?: string | undefined;
  readonly cacheControl?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Digests of the whole object, lower-case hexadecimal. */
  readonly hashes?: Readonly<Partial<Record<HashAlgorithm, string>>> | undefined;
  readonly stamp?: WriteStamp | undefined;
  /** Of a group of stores: the name of the member that shows this. Where reads may be stale it tells whose view this is. */
  readonly member?: string | undefined;
  /** An entry that groups the paths below it, or a real directory. */
  readonly isDirectory?: boolean | undefined;
}
