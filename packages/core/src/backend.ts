import type { BodySource } from "./body.ts";
import type {
  CommitOptions,
  ContentHeaders,
  DriverOptions,
  MetadataChange,
  SignedUrl,
  SignUrlOptions,
  StagedWrite,
  StorageDriver,
  Supporting,
  WriteConditions,
} from "./driver.ts";
import type { OmniError } from "./error.ts";
import type { Ability, Features } from "./features.ts";
import type { HashAlgorithm } from "./hash.ts";
import type { ObjectInfo, WriteStamp } from "./object-info.ts";
import type { ObjectReader } from "./reader.ts";

/**
 * One object store, as an application holds it. Made by `createBackend(driver)` or by a package's factory; connects at first use.
 *
 * Every method rejects with an {@link OmniError}: INVALID_PATH, INVALID_ARGUMENT, NOT_SUPPORTED and BACKEND_CLOSED before any I/O; TIMEOUT
 * when `timeoutMs` passed; what the store says otherwise. An abort rejects with `signal.reason` itself.
 */
export interface Backend<D extends StorageDriver = StorageDriver> extends AsyncDisposable {
  /** What this backend can do. */
  readonly features: Features;
  /** The driver underneath, for what only this kind of store has. */
  readonly driver: D;
  /** Whether the store itself has an ability; narrows the type of `driver`. */
  supports<A extends Ability>(ability: A): this is Backend<D & Supporting<A>>;

  /**
   * Opens an object. The reader holds a connection until it is read to its end or closed.
   *
   * @throws OmniError NOT_FOUND, PRECONDITION_FAILED (`ifMatch`)
   */
  read(path: string, options?: ReadOptions): Promise<ObjectReader>;
  /**
   * Publishes an object atomically: it appears whole when the promise resolves. If the source throws, is shorter or longer than `sizeBytes`, or
   * the signal aborts, nothing appears and the former object survives.
   *
   * @throws OmniError ALREADY_EXISTS (`ifNoneMatch`), PRECONDITION_FAILED (`ifMatch`), CHECKSUM_MISMATCH (`checksum`), TOO_LARGE
   */
  write(path: string, body: BodySource, options?: WriteOptions): Promise<ObjectInfo>;
  /**
   * Opens a writer: `write` chunks, then `close()` commits; leaving without `close()` discards.
   *
   * @throws OmniError at once, not by a promise: INVALID_PATH, INVALID_ARGUMENT, NOT_SUPPORTED, BACKEND_CLOSED
   */
  createWriter(path: string, options?: WriteOptions): ObjectWriter;
  /** Whether an object is there. */
  exists(path: string, options?: CallOptions): Promise<boolean>;
  /** @throws OmniError NOT_FOUND */
  stat(path: string, options?: CallOptions): Promise<ObjectInfo>;
  /** Deletes an object; a missing one is no error. */
  delete(path: string, options?: DeleteOptions): Promise<void>;
  /** Deletes many objects; one path's error does not stop the others. */
  deleteMany(paths: Iterable<string> | AsyncIterable<string>, options?: CallOptions): Promise<DeleteReport>;
  /** Deletes everything whose path starts with the prefix. The prefix is a plain string: `data` also means `database/x`. */
  purge(prefix: string, options?: CallOptions): Promise<DeleteReport>;
  /**
   * Lists objects whose path starts with the prefix, lazily, in byte order where `features.sortedList`. The prefix is a plain string; to mean
   * a folder add the `/`.
   *
   * @throws OmniError at once, not by the iterator: INVALID_PATH, INVALID_ARGUMENT, BACKEND_CLOSED
   */
  list(prefix?: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /** Copies an object within the backend: by the store where it can, else through this process. To itself: changes nothing. */
  copy(from: string, to: string, options?: CallOptions): Promise<ObjectInfo>;
  /** Moves an object within the backend; the source goes only when the copy is there and verified. To itself: changes nothing. */
  move(from: string, to: string, options?: CallOptions): Promise<ObjectInfo>;
  /** Makes a directory, where the store has directories. */
  mkdir(path: string, options?: CallOptions): Promise<void>;
  /** Removes an empty directory, where the store has directories. */
  rmdir(path: string, options?: CallOptions): Promise<void>;
  /** Changes headers, metadata or modification time and keeps the bytes. */
  setMetadata(path: string, change: MetadataChange, options?: DeleteOptions): Promise<ObjectInfo>;
  /** Makes a URL that lets its holder do one thing for a while. */
  signUrl(path: string, options?: SignUrlOptions): Promise<SignedUrl>;
  /** Takes all bytes to the store, invisible until `commit()`; `features.stagedWrite` says what the staged bytes outlive. */
  stage(path: string, body: BodySource, options?: WriteOptions): Promise<StagedWrite>;
  /** Finds a staged write again by its token, also from another process where `features.stagedWrite` is `durable`. */
  resumeStage(path: string, token: string, options?: CallOptions): Promise<StagedWrite>;
  /** Frees what the backend holds. Calls made later reject with BACKEND_CLOSED. A second call does nothing. */
  close(): Promise<void>;
}

/** What every call takes. */
export interface CallOptions extends DriverOptions {
  /** Milliseconds until the call rejects with TIMEOUT; for `read` until the object is open. @default none */
  readonly timeoutMs?: number | undefined;
}

export interface ReadOptions extends CallOptions {
  /** First byte. @default 0 */
  readonly offset?: number | undefined;
  /** Most bytes to return. @default to the end */
  readonly limit?: number | undefined;
  /** Read only the version with this etag. */
  readonly ifMatch?: string | undefined;
  /** Milliseconds without a byte until the body rejects with TIMEOUT, or goes on by a new ranged request. @default none */
  readonly idleTimeoutMs?: number | undefined;
  /** How often a body that breaks off goes on from where it stopped, under If-Match. @default 3 where the store has ranges and etags */
  readonly resumeAttempts?: number | undefined;
}

export interface WriteOptions extends CallOptions, ContentHeaders, WriteConditions {
  /** Text that travels with the object. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Modification time to keep, where `features.setModTime`; elsewhere NOT_SUPPORTED. */
  readonly modifiedAt?: Date | undefined;
  /** Length of the source in bytes; a source that is shorter or longer is an error and publishes nothing. */
  readonly sizeBytes?: number | undefined;
  /** Digest that the source must have; a source with another publishes nothing. */
  readonly checksum?: { readonly algorithm: HashAlgorithm; readonly value: string } | undefined;
  /** Write id and version counter, where `features.stamps`. For layers that keep several stores alike. */
  readonly stamp?: WriteStamp | undefined;
  /** Size of an upload's parts in bytes, where the store takes parts. */
  readonly partSizeBytes?: number | undefined;
  /** Parts under way at once, where the store takes parts. */
  readonly concurrency?: number | undefined;
  /** Called with the bytes taken from the source so far. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** How far a write or a copy is. */
export interface Progress {
  /** Bytes taken from the source. */
  readonly bytes: number;
  /** Bytes in all, when known. */
  readonly totalBytes?: number | undefined;
}

export interface ListOptions extends CallOptions {
  /** Group what follows the prefix up to this string into one entry with `isDirectory`, whose path ends in it. */
  readonly delimiter?: string | undefined;
  /** Only paths after this one, in byte order. */
  readonly startAfter?: string | undefined;
  /** Entries per request to the store. @default the store's */
  readonly pageSize?: number | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Only the version with this etag. */
  readonly ifMatch?: string | undefined;
}

/** What became of many deletes. */
export interface DeleteReport {
  /** How many paths are gone. */
  readonly deleted: number;
  /** The paths that could not be deleted, and why. */
  readonly errors: readonly { readonly path: string; readonly error: OmniError }[];
}

/** Writes an object piece by piece. */
export interface ObjectWriter extends AsyncDisposable {
  readonly path: string;
  /**
   * Takes a chunk; resolves when more may be sent. The chunk belongs to the library from the call on.
   *
   * @throws OmniError WRITER_CLOSED after `close` or `abort`; what the store said when the write failed underneath
   */
  write(chunk: Uint8Array | string): Promise<void>;
  /** Commits and gives the object's info; a second call gives the same. */
  close(): Promise<ObjectInfo>;
  /** Discards; resolves when the store has let go. After `close()` it does nothing. */
  abort(reason?: unknown): Promise<void>;
}

export type { CommitOptions, MetadataChange, SignedUrl, SignUrlOptions, StagedWrite };
