import type { StoredObject } from "./stored-object.ts";

/** Where an object is, to change its row only if it is still there. */
export type Location = Pick<StoredObject, "cloud" | "path">;

/** Rows of objects. All changes take effect when the promise resolves. */
export interface Catalogue {
  /** Adds a row. @throws OmniError ALREADY_EXISTS */
  insert(object: StoredObject): Promise<void>;
  /** The row of an id; `undefined` where there is none. */
  get(id: string): Promise<StoredObject | undefined>;
  /**
   * Replaces a row, if the object is still where `expected` says.
   *
   * @returns whether it was
   */
  update(object: StoredObject, expected: Location): Promise<boolean>;
  /** Removes a row, if the object is still there. @returns whether it was */
  delete(id: string, expected: Location): Promise<boolean>;
  /** The row of a location; `undefined` where there is none. */
  at(location: Location): Promise<StoredObject | undefined>;
  /** Rows of a cloud, in the order of the bytes of UTF-8 of their paths. */
  list(
    cloud: string,
    options?: { readonly prefix?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<StoredObject>;
}
