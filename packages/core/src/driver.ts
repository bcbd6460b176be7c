import type { ErrorClass, ErrorCode } from "./error.ts";
import type { Ability, DriverFeatures } from "./features.ts";
import type { ObjectInfo, WriteStamp } from "./object-info.ts";

/**
 * What a storage adapter implements: an object literal whose methods do not use `this`, so that wrappers can spread and bind them.
 *
 * Core promises the driver: paths and options are checked; a condition or ability that the driver does not declare never reaches it; no
 * call comes after `close`; `signal` carries the caller's cancellation and the deadline in one.
 *
 * The driver owes core: errors of its SDK thrown as they are (`classifyError` says what they mean, core wraps once); no retries beyond its
 * SDK's; `body` read to its end before anything is visible; a body that throws leaves the former object; it rejects soon after `signal` aborts.
 */
export interface StorageDriver {
  /** Lower-case name, also the scheme of its URLs: `s3`, `file`. */
  readonly scheme: string;
  /** Facts and limits; one left out is "no". The abilities below are declared by being present. */
  readonly features: Partial<DriverFeatures>;
  /**
   * Which store this is: endpoint, region, account, bucket and prefix, in one canonical string without secrets. Two drivers with one identity are
   * the same store. Absent: every driver object is a store of its own.
   */
  readonly identity?: string | undefined;

  /**
   * Opens an object. NOT_FOUND when missing. `info.size` is the whole object's, also with a range; a range past the end gives no bytes. A `live`
   * driver returns at once.
   */
  read(path: string, options: DriverReadOptions): Promise<DriverRead>;
  /**
   * Publishes atomically: the object appears when the promise resolves, never before `body` is done. If `body` throws or `signal` aborts,
   * nothing appears and the former object survives.
   */
  write(path: string, body: DriverBody, options: DriverWriteOptions): Promise<ObjectInfo>;
  /** NOT_FOUND when missing. */
  stat(path: string, options: DriverOptions): Promise<ObjectInfo>;
  /** Lazily paged: a page is asked for when its first item is. */
  list(prefix: string, options: DriverListOptions): AsyncIterable<ObjectInfo>;
  /** Deletes; a missing object is no error. */
  delete(path: string, options: DriverDeleteOptions): Promise<void>;

  /** Takes all bytes to the store, invisible until `commit`. */
  stage?(path: string, body: DriverBody, options: DriverWriteOptions): Promise<StagedWrite>;
  /** Finds a staged write again, in this or another process, also after it was committed or is gone. */
  resumeStage?(path: string, token: string, options: DriverOptions): Promise<StagedWrite>;
  /** Opens a writer that takes pushes; chunks arrive unsplit, unmerged, empty ones too. Absent: core feeds `write`. */
  openWriter?(path: string, options: DriverWriteOptions): DriverWriter;
  /** Copies within the store. Source and destination differ. */
  copy?(from: string, to: string, options: DriverOptions): Promise<ObjectInfo>;
  /** Moves within the store. Source and destination differ. */
  move?(from: string, to: string, options: DriverOptions): Promise<ObjectInfo>;
  /** Makes a directory and its parents; one that is there is no error. */
  mkdir?(path: string, options: DriverOptions): Promise<void>;
  /** Removes an empty directory; a missing one is no error. */
  rmdir?(path: string, options: DriverOptions): Promise<void>;
  /** Deletes many in few requests. The errors of single paths come back in the map; throwing means that none is known to be deleted. */
  deleteMany?(paths: readonly string[], options: DriverOptions): Promise<ReadonlyMap<string, unknown>>;
  /** Replaces what is given of content headers, metadata and modification time; the bytes stay. */
  setMetadata?(path: string, change: MetadataChange, options: DriverDeleteOptions): Promise<ObjectInfo>;
  /** Makes a URL that lets its holder do one thing for a while. */
  signUrl?(path: string, options: SignUrlOptions): Promise<SignedUrl>;
  /** Frees what the driver holds. */
  close?(): Promise<void>;
  /** What an error of the SDK means; `undefined` = UNKNOWN. Pure. */
  classifyError?(cause: unknown): ErrorCode | ErrorClass | undefined;
}

/** A driver that surely has some optional methods: `StorageDriver & Supporting<"copy" | "stage">`. */
export type Supporting<A extends Ability> = Required<Pick<StorageDriver, A>>;

/** The bytes of a write: all of them, or a stream. A chunk belongs to the driver from then on. */
export type DriverBody = Uint8Array | AsyncIterable<Uint8Array>;

/** What every driver call takes. */
export interface DriverOptions {
  /** Cancellation and deadline in one. */
  readonly signal?: AbortSignal | undefined;
}

export interface DriverReadOptions extends DriverOptions {
  /** First byte. @default 0 */
  readonly offset?: number | undefined;
  /** Most bytes to return, at least 1. @default to the end */
  readonly limit?: number | undefined;
  /** Read only this version: PRECONDITION_FAILED otherwise. A driver that cannot ask the store leaves it to core, which compares `info.etag`. */
  readonly ifMatch?: string | undefined;
}

/** An opened object. */
export interface DriverRead {
  readonly info: ObjectInfo;
  readonly body: AsyncIterable<Uint8Array>;
  /** `info.size` does not count the bytes of `body` (a live stream, a body decoded on the way): core does not check its length nor resume it. */
  readonly unsized?: boolean | undefined;
  /**
   * Goes on after the body broke off, from so many bytes behind its start, with the same object: for drivers that know more places to read it from
   * than a second `read` would. Absent: core reads the rest under If-Match.
   */
  readonly reopen?: ((received: number) => Promise<DriverRead>) | undefined;
  /** What the reader has beside its own methods, such as a channel's `messages()`. */
  readonly extras?: Readonly<Record<string, unknown>> | undefined;
}

/** Headers and metadata that travel with an object. */
export interface ContentHeaders {
  readonly contentType?: string | undefined;
  readonly cacheControl?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly contentDisposition?: string | undefined;
}

/** The conditions of a write. */
export interface WriteConditions {
  /** Write only when nothing is there: ALREADY_EXISTS otherwise. */
  readonly ifNoneMatch?: "*" | undefined;
  /** Write only over the object with this etag: PRECONDITION_FAILED otherwise, also when nothing is there. */
  readonly ifMatch?: string | undefined;
}

export interface DriverWriteOptions extends DriverOptions, ContentHeaders, WriteConditions {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly modifiedAt?: Date | undefined;
  /** Length of the body in bytes, when it is known; core checks it. */
  readonly sizeBytes?: number | undefined;
  /** Write id and version counter, kept in fields of their own. */
  readonly stamp?: WriteStamp | undefined;
  /** Size of an upload's parts in bytes, where the store takes parts. */
  readonly partSizeBytes?: number | undefined;
  /** Parts under way at once, where the store takes parts. */
  readonly concurrency?: number | undefined;
}

export interface DriverListOptions extends DriverOptions {
  /** Group what follows the prefix up to this string into one entry with `isDirectory`. */
  readonly delimiter?: string | undefined;
  /** Only paths after this one, in byte order. */
  readonly startAfter?: string | undefined;
  /** Entries per request to the store. */
  readonly pageSize?: number | undefined;
}

export interface DriverDeleteOptions extends DriverOptions {
  /** Only the object with this etag: PRECONDITION_FAILED otherwise. */
  readonly ifMatch?: string | undefined;
}

/** What `setMetadata` changes; a field left out stays, `metadata` is replaced whole. */
export interface MetadataChange extends ContentHeaders {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly modifiedAt?: Date | undefined;
}

/** Takes pushes. `write` after `close` or `abort` is not made by core. */
export interface DriverWriter {
  /** Resolves when more may be sent. */
  write(chunk: Uint8Array): Promise<void>;
  /** Publishes; resolves when the object is there. */
  close(): Promise<ObjectInfo>;
  /** Discards. */
  abort(reason: unknown): Promise<void>;
}

/** All bytes of a write at the store, invisible until `commit`. */
export interface StagedWrite {
  /** Names the staged bytes, also for another process: a small string. */
  readonly token: string;
  /** What the store showed when this handle was made. */
  readonly state: "staged" | "committed" | "gone";
  /** When the store may forget the staged bytes. */
  readonly expiresAt?: Date | undefined;
  /**
   * Publishes. Idempotent: after a success, also one by another process, it gives the same object's info. Conditions are evaluated here.
   *
   * NOT_FOUND when the token is gone.
   */
  commit(options?: CommitOptions): Promise<ObjectInfo>;
  /** Withdraws the bytes. Idempotent; a committed object stays. */
  discard(options?: DiscardOptions): Promise<void>;
}

export interface DiscardOptions extends DriverOptions {
  /** Milliseconds until the call rejects with TIMEOUT; core minds it. @default none */
  readonly timeoutMs?: number | undefined;
}

export interface CommitOptions extends DiscardOptions, WriteConditions {}

export interface SignUrlOptions extends DriverOptions {
  /** What the holder may do. POST gives form fields for a browser. @default "GET" */
  readonly method?: "GET" | "PUT" | "POST" | "DELETE" | undefined;
  /** Seconds until the URL stops working. @default 900 */
  readonly expiresInSeconds?: number | undefined;
  /** The content type that an upload must have. */
  readonly contentType?: string | undefined;
  /** Bounds of an upload's length in bytes. */
  readonly minBytes?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** Headers that the answer to a GET carries. */
  readonly responseContentType?: string | undefined;
  readonly responseContentDisposition?: string | undefined;
}

/** A URL and what its user must send with it. */
export interface SignedUrl {
  readonly url: string;
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Headers that the request must carry. */
  readonly headers: Readonly<Record<string, string>>;
  /** Form fields of a POST, before the file. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  readonly expiresAt: Date;
}
