import { randomUUID } from "node:crypto";
import { copyBetween, OmniError, type Progress } from "@omni/core";
import type { CloudSet } from "./cloud-set.ts";
import { checkNames, invalid } from "./errors.ts";
import { baseName } from "./filename.ts";
import { leavesResidency, pathOf, withdraw } from "./inserting.ts";
import { atLocation, movedTo, type ObjectRef, resolveRef } from "./locating.ts";
import { staysWithin } from "./rules.ts";
import type { Slot } from "./slot.ts";
import type { StoredObject } from "./stored-object.ts";

/** What a copy or move takes. */
export interface TransferOptions<N extends string = string> {
  /** The cloud to go to. @default where the object is, for a copy */
  readonly to?: N | undefined;
  /** Folder, within the cloud's own. @default none */
  readonly prefix?: string | undefined;
  /** Name of the copy. @default the object's */
  readonly filename?: string | undefined;
  /** Told as bytes are taken from the source. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/**
 * Copies an object: a new one, with an id of its own, that says where it really is. The source stays as it is and usable.
 *
 * @throws OmniError INVALID_ARGUMENT for a cloud outside of the object's residency; NOT_FOUND, CHECKSUM_MISMATCH
 */
export function copy(set: CloudSet, ref: ObjectRef, options: TransferOptions): Promise<StoredObject> {
  checkOptions("copy", options);
  return atLocation(set, "copy", ref, async (_backend, object) => {
    const now = new Date(set.family.clock.now()).toISOString();
    const arrived = await transfer(set, "copy", object, options);
    const copied = { ...arrived, id: randomUUID(), createdAt: now, updatedAt: now };
    try {
      await set.catalogue?.insert(copied);
    } catch (error) {
      await withdraw(set, copied);
      throw error;
    }
    return copied;
  });
}

/**
 * Moves an object: it keeps its id. The row changes when the copy is there and verified, and only then the source is deleted; a reader that still has
 * the former location finds the new one in the catalogue.
 *
 * @throws OmniError PRECONDITION_FAILED when somebody else moved or deleted it meanwhile; what `copy` throws
 */
export function move(set: CloudSet, ref: ObjectRef, options: TransferOptions): Promise<StoredObject> {
  checkOptions("move", options);
  if (options.to === undefined) throw invalid("move", 'say where to: move(object, { to: "archive" })');
  const { to } = options;
  return atLocation(set, "move", ref, async (backend, object) => {
    if (object.cloud === to && options.prefix === undefined && options.filename === undefined) {
      // A row that another process changed counts, not what the caller remembers.
      await backend.stat(object.path, { signal: options.signal, timeoutMs: options.timeoutMs });
      return object;
    }
    const before = await backend.stat(object.path, { signal: options.signal, timeoutMs: options.timeoutMs });
    const arrived = await transfer(set, "move", object, options);
    const moved = { ...arrived, updatedAt: new Date(set.family.clock.now()).toISOString() };
    await changeRow(set, moved, object);
    // The row no longer names the source; if it was replaced since, that is somebody else's object.
    const now = await backend.stat(object.path).catch((error: unknown) => {
      if (OmniError.is(error, "NOT_FOUND")) return undefined;
      throw error;
    });
    if (now && now.etag === before.etag && now.size === before.size) await backend.delete(object.path);
    return moved;
  });
}

async function changeRow(set: CloudSet, moved: StoredObject, from: StoredObject): Promise<void> {
  if (!set.catalogue) return;
  let changed: boolean;
  try {
    changed = await set.catalogue.update(moved, from);
  } catch (error) {
    // Whether the row was changed is not known: both copies stay, and reconcile finds the one without a row.
    set.family.logger?.error({ id: from.id, error }, "the row of a moved object could not be changed");
    throw error;
  }
  if (changed) return;
  await withdraw(set, moved);
  const elsewhere = await movedTo(set, from);
  throw new OmniError("PRECONDITION_FAILED", {
    backend: "cloud",
    operation: "move",
    path: from.path,
    reason: elsewhere
      ? `it was moved to "${elsewhere.cloud}" meanwhile; move it from there`
      : "the catalogue has no such row; insert it first, or move without a catalogue",
    outcome: "not-applied",
  });
}

/** Deletes an object and its row, wherever it is by now. A missing object is no error. */
export async function remove(set: CloudSet, ref: ObjectRef, call: { readonly signal?: AbortSignal | undefined }): Promise<void> {
  let object = await resolveRef(set, "delete", ref);
  for (;;) {
    const row = await set.catalogue?.get(object.id);
    object = row ?? object;
    // The row first: a row without its object would be a broken promise, an object without a row is only litter that reconcile finds.
    // Where the row changed in between, the object was moved: once more.
    if (!row || (await set.catalogue?.delete(row.id, row))) break;
  }
  await (await set.slot("delete", object.cloud).backend()).delete(object.path, call);
}

async function transfer(set: CloudSet, operation: string, object: StoredObject, options: TransferOptions): Promise<StoredObject> {
  const from = set.slot(operation, object.cloud);
  const to = set.slot(operation, options.to ?? object.cloud);
  if (!staysWithin(set.placesOf(to), object.residency)) throw leavesResidency(set, operation, [to], object.residency);
  const filename = options.filename === undefined ? object.filename : baseName(options.filename) || "file";
  // A folder that was never used: nothing is written over, also where two clouds are one store by another name.
  const path = pathOf(to, options.prefix?.replace(/^\/+|\/+$/g, ""), randomUUID(), filename);
  const { signal, timeoutMs, onProgress } = options;
  const [source, target] = await Promise.all([from.backend(), to.backend()]);
  const info = await copyBetween(source, object.path, target, { toPath: path, signal, timeoutMs, onProgress });
  if (info.size !== object.size && info.contentEncoding === undefined) {
    await withdraw(set, { cloud: to.name, path });
    throw new OmniError("CHECKSUM_MISMATCH", {
      backend: "cloud",
      operation,
      path: object.path,
      reason: `it has ${info.size} bytes, its row says ${object.size}; nothing was changed`,
      outcome: "not-applied",
    });
  }
  return { ...object, filename, path, cloud: to.name, region: regionOf(to, object) };
}

function regionOf(to: Slot, object: StoredObject): string | null {
  return to.definition.region ?? (to.name === object.cloud ? object.region : null);
}

function checkOptions(operation: string, options: TransferOptions): void {
  checkNames(operation, operation, options, ["to", "prefix", "filename", "onProgress", "signal", "timeoutMs"]);
}
