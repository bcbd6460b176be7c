import {
  type Clock,
  type DriverWriteOptions,
  type MetadataChange,
  type ObjectInfo,
  OmniError,
  type WriteConditions,
} from "@omni/core";
import { KeyIndex } from "./key-index.ts";
import type { StoredBytes } from "./stored-bytes.ts";

/** What travels with an object beside its bytes. */
export type Attributes = Pick<
  DriverWriteOptions,
  "contentType" | "cacheControl" | "contentEncoding" | "contentDisposition" | "metadata" | "modifiedAt" | "stamp"
>;

/** One version of an object; never changed, only replaced. */
export interface StoredObject extends Attributes {
  readonly bytes: StoredBytes;
  readonly etag: string;
  readonly modifiedAt: Date;
  /** The staged write that published this version. */
  readonly token?: string | undefined;
}

/** The objects of one store. Every method does all of its work at once, so that conditions hold. */
export class ObjectTable {
  readonly #objects = new Map<string, StoredObject>();
  readonly #clock: Clock;
  // Part of every etag: one of another store is never taken for one of this.
  readonly #store: string = crypto.randomUUID().slice(0, 8);
  #generation = 0;
  // Built by the first listing; a store that is never listed does not pay for it.
  #index: KeyIndex | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(path: string): StoredObject | undefined {
    return this.#objects.get(path);
  }

  /** @throws OmniError NOT_FOUND */
  need(path: string): StoredObject {
    const object = this.#objects.get(path);
    if (!object) throw new OmniError("NOT_FOUND");
    return object;
  }

  /**
   * Publishes a version.
   *
   * @throws OmniError ALREADY_EXISTS, PRECONDITION_FAILED
   */
  put(path: string, bytes: StoredBytes, attributes: Attributes, conditions: WriteConditions, token?: string): ObjectInfo {
    const before = this.#objects.get(path);
    if (conditions.ifNoneMatch === "*" && before) throw new OmniError("ALREADY_EXISTS", { outcome: "not-applied" });
    checkMatch(before, conditions.ifMatch);
    const { contentType, cacheControl, contentEncoding, contentDisposition, metadata, stamp } = attributes;
    this.#generation += 1;
    const object: StoredObject = {
      bytes,
      etag: `${this.#store}-${this.#generation}`,
      modifiedAt: attributes.modifiedAt ?? new Date(this.#clock.now()),
      contentType,
      cacheControl,
      contentEncoding,
      contentDisposition,
      metadata: metadata && Object.freeze({ ...metadata }),
      stamp: stamp && Object.freeze({ ...stamp }),
      token,
    };
    this.#objects.set(path, object);
    if (!before) this.#index?.add(path);
    return infoOf(path, object);
  }

  /** Replaces what is given of an object's attributes by a new version with the same bytes. */
  change(path: string, change: MetadataChange, ifMatch: string | undefined): ObjectInfo {
    const object = this.need(path);
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    return this.put(path, object.bytes, { ...object, ...given }, { ifMatch }, object.token);
  }

  /** @throws OmniError PRECONDITION_FAILED */
  delete(path: string, ifMatch?: string): void {
    checkMatch(this.#objects.get(path), ifMatch);
    if (this.#objects.delete(path)) this.#index?.delete(path);
  }

  /** Some of the keys from a place on, in byte order. @param before whether a key lies before that place */
  keys(before: (key: string) => boolean): Generator<string, undefined> {
    this.#index ??= new KeyIndex(this.#objects.keys());
    return this.#index.from(before);
  }

  clear(): void {
    this.#objects.clear();
    this.#index = undefined;
  }
}

function checkMatch(object: StoredObject | undefined, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && object?.etag !== ifMatch) throw new OmniError("PRECONDITION_FAILED", { outcome: "not-applied" });
}

/** What `stat` says. A private copy: dates can be changed by who holds them. */
export function infoOf(path: string, object: StoredObject): ObjectInfo {
  const { bytes, etag, modifiedAt, contentType, cacheControl, contentEncoding, contentDisposition, metadata, stamp } = object;
  return {
    path,
    size: bytes.size,
    modifiedAt: new Date(modifiedAt),
    etag,
    contentType,
    cacheControl,
    contentEncoding,
    contentDisposition,
    metadata,
    // Made when they are looked at: few are.
    get hashes() {
      return bytes.hashes;
    },
    stamp,
  };
}
