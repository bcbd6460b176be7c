import type { Backend, ObjectReader, ReadOptions } from "@omni/core";
import type { CloudSet } from "./cloud-set.ts";
import { insert } from "./inserting.ts";
import { type LoadedObject, type LoadOptions, load, read, unload } from "./loading.ts";
import type { ObjectRef } from "./locating.ts";
import {
  type ConfirmOptions,
  confirm,
  type SignedUpload,
  type SignUploadOptions,
  signUpload,
  type UrlOptions,
  url,
} from "./signing.ts";
import type { UploadSource } from "./source.ts";
import type { StoredObject } from "./stored-object.ts";
import { copy, move, remove, type TransferOptions } from "./transferring.ts";
import type { InsertOptions } from "./upload.ts";

/** What can be done with objects, wherever they are: the clouds as one. An object may be given by its id where there is a catalogue. */
export interface ObjectStore<N extends string = string, Here extends N = N> {
  /**
   * Stores a file.
   *
   * @throws OmniError NOT_FOUND, INVALID_ARGUMENT, TOO_LARGE for the source; what the last cloud said, or a MultiError when several were tried
   */
  insert(source: UploadSource, options?: InsertOptions): Promise<StoredObject<Here>>;
  /** Opens an object. @throws OmniError NOT_FOUND */
  read(object: ObjectRef, options?: ReadOptions): Promise<ObjectReader>;
  /** Brings an object here, verified. @throws OmniError NOT_FOUND, CHECKSUM_MISMATCH, ALREADY_EXISTS when there is a file at `to` */
  load(object: ObjectRef, options?: LoadOptions): Promise<LoadedObject<N>>;
  /** Removes the temporary file of a loaded object; a file whose path the caller chose, or that this process did not make, stays. */
  unload(loaded: LoadedObject): Promise<void>;
  /** A URL under which anybody can read the object for a while. @throws OmniError NOT_SUPPORTED */
  url(object: ObjectRef, options?: UrlOptions): Promise<string>;
  /** Lets somebody upload one file straight to a cloud. @throws OmniError NOT_SUPPORTED */
  signUpload(options: SignUploadOptions): Promise<SignedUpload<Here>>;
  /** Takes in what was uploaded by `signUpload`. @throws OmniError NOT_FOUND, TOO_LARGE, INVALID_ARGUMENT */
  confirm(ticket: string, options?: ConfirmOptions): Promise<StoredObject<N>>;
  /** Copies an object: a new one with an id of its own; the source stays usable. @throws OmniError NOT_FOUND, CHECKSUM_MISMATCH, INVALID_ARGUMENT (residency) */
  copy(object: ObjectRef, options?: TransferOptions<N>): Promise<StoredObject<N>>;
  /** Moves an object: it keeps its id. @throws OmniError PRECONDITION_FAILED when somebody else moved it meanwhile; what `copy` throws */
  move(object: ObjectRef, options: TransferOptions<N> & { readonly to: N }): Promise<StoredObject<N>>;
  /** Deletes an object and its row; a missing one is no error. */
  delete(object: ObjectRef, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/** One cloud by its name: inserts and uploads go to it; everything else goes to where the object is. */
export interface Cloud<N extends string = string, Here extends N = N> extends ObjectStore<N, Here> {
  readonly name: Here;
  /** The backend in the current scope, opened. */
  backend(): Promise<Backend>;
}

/**
 * The operations over the clouds of whatever scope a call is made in.
 *
 * @param current asked at every call
 * @param only the cloud that inserts go to; `undefined` = by route
 */
export function objectStore(current: () => CloudSet, only?: string): ObjectStore {
  // Async, so that what is wrong with a call always comes as a rejection.
  return {
    insert: async (source, options = {}) => insert(current(), source, options, only),
    read: async (object, options = {}) => read(current(), object, options),
    load: async (object, options = {}) => load(current(), object, options),
    unload: async (loaded) => unload(current(), loaded),
    url: async (object, options = {}) => url(current(), object, options),
    signUpload: async (options) => signUpload(current(), options, only),
    confirm: async (ticket, options = {}) => confirm(current(), ticket, options),
    copy: async (object, options = {}) => copy(current(), object, options),
    move: async (object, options) => move(current(), object, options),
    delete: async (object, options = {}) => remove(current(), object, options),
  };
}

/** One cloud by its name. */
export function cloudOf(current: () => CloudSet, name: string): Cloud {
  return { name, ...objectStore(current, name), backend: async () => current().slot("backend", name).backend() };
}
