import { type Backend, OmniError } from "@omni/core";
import type { CloudSet } from "./cloud-set.ts";
import type { StoredObject } from "./stored-object.ts";

/** An object, also one that comes from a row or from JSON, or the id of one that is in the catalogue. */
export type ObjectRef = StoredObject | string;

/** The object that is meant. @throws OmniError NOT_FOUND, INVALID_ARGUMENT for an id without a catalogue */
export async function resolveRef(set: CloudSet, operation: string, ref: ObjectRef): Promise<StoredObject> {
  if (typeof ref !== "string") return ref;
  if (!set.catalogue)
    throw new OmniError("INVALID_ARGUMENT", {
      backend: "cloud",
      operation,
      reason: "an id finds its object in a catalogue; give defineClouds one, or the object itself",
    });
  const found = await set.catalogue.get(ref);
  if (found) return found;
  throw new OmniError("NOT_FOUND", { backend: "cloud", operation, path: ref, reason: "the catalogue has no such id" });
}

/**
 * Does something with an object where it is. One that is not there is looked up again in the catalogue: another process may have moved it.
 *
 * @throws OmniError NOT_FOUND and whatever `work` throws
 */
export async function atLocation<T>(
  set: CloudSet,
  operation: string,
  ref: ObjectRef,
  work: (backend: Backend, object: StoredObject) => Promise<T>,
): Promise<T> {
  const object = await resolveRef(set, operation, ref);
  try {
    return await work(await set.slot(operation, object.cloud).backend(), object);
  } catch (error) {
    if (!OmniError.is(error, "NOT_FOUND")) throw error;
    const moved = await movedTo(set, object);
    if (!moved) throw error;
    return work(await set.slot(operation, moved.cloud).backend(), moved);
  }
}

/** Where the catalogue has an object, when it is elsewhere by now. */
export async function movedTo(set: CloudSet, object: StoredObject): Promise<StoredObject | undefined> {
  const row = await set.catalogue?.get(object.id);
  return row && (row.cloud !== object.cloud || row.path !== object.path) ? row : undefined;
}
