import { randomUUID } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { constants, copyFile } from "node:fs/promises";
import { type DriverBody, type DriverWriteOptions, OmniError } from "@omni/core";
import { finishBody, writeBody } from "./body.ts";
import { homeOf, type Item, newItem } from "./claim.ts";
import { closeFile, hasCode, lookAt, openNew, openToRead, removeFile, statOpen, syncOpen } from "./file-system.ts";
import type { Layout, Place } from "./layout.ts";
import { placeSidecar, removeSidecar, type Sidecar } from "./sidecar.ts";

/** A version that is wholly on the disk, with its sidecar, and has no path yet. */
export interface Prepared {
  readonly item: Item;
  readonly stats: BigIntStats;
  readonly sidecar: Sidecar;
}

/** What a sidecar says beside what the kernel knows. */
export type Attributes = Pick<Sidecar, "headers" | "metadata" | "stamp" | "conditions"> & {
  readonly modifiedAt?: Date | undefined;
};

function attributesOf(purpose: "write" | "stage", options: DriverWriteOptions): Attributes {
  const { contentType, cacheControl, contentEncoding, contentDisposition, metadata, stamp, modifiedAt, ifMatch, ifNoneMatch } =
    options;
  const headers = { contentType, cacheControl, contentEncoding, contentDisposition };
  const conditions =
    purpose === "stage" && (ifMatch !== undefined || ifNoneMatch !== undefined) ? { ifMatch, ifNoneMatch } : undefined;
  return { headers, metadata, stamp, modifiedAt, conditions };
}

/** Writes a body into a file beside the objects and forces it to the disk with its sidecar. */
export async function prepare(
  layout: Layout,
  place: Place,
  purpose: "write" | "stage",
  body: DriverBody,
  options: DriverWriteOptions,
): Promise<Prepared> {
  const { signal, modifiedAt } = options;
  return make(layout, place, purpose, attributesOf(purpose, options), async (file) => {
    const fd = await openFresh(layout, file);
    return finish(fd, layout, async () => {
      await writeBody(fd, body, signal);
      await finishBody(fd, modifiedAt, signal);
    });
  });
}

/**
 * Copies a file by the kernel: blocks are shared where the file system can (reflink), else they never pass through this process.
 *
 * @param from the file
 */
export async function prepareCopy(
  layout: Layout,
  place: Place,
  from: string,
  attributes: Attributes,
  signal?: AbortSignal,
): Promise<Prepared> {
  return make(layout, place, "write", attributes, async (file) => {
    await copyFile(from, file, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const fd = await openToRead(file);
    return finish(fd, layout, () => finishBody(fd, attributes.modifiedAt, signal));
  });
}

/** Makes a file with `fill`, which says what the kernel knows of it, and places its sidecar. Leaves nothing when it fails. */
export async function make(
  layout: Layout,
  place: Place,
  purpose: "write" | "stage",
  attributes: Attributes,
  fill: (file: string) => Promise<{ stats: BigIntStats; synced: Promise<void> }>,
): Promise<Prepared> {
  const id = randomUUID();
  const beside = await layout.isElsewhere(place.directory);
  if (beside) {
    await layout.makeWay(place.path, place.directory);
    await layout.noteBeside(place.directory);
  }
  const item = newItem(place, purpose, id, beside);
  const file = homeOf(layout, item);
  let placed: BigIntStats | undefined;
  try {
    const { stats, synced } = await fill(file);
    const sidecar = sidecarOf(place.path, id, purpose === "stage" ? id : undefined, stats, attributes);
    // The bytes and the sidecar go to the disk side by side.
    const [bytes, record] = await Promise.allSettled([synced, placeSidecar(layout, place.key, stats, sidecar)]);
    if (record.status === "rejected") throw record.reason;
    placed = stats;
    if (bytes.status === "rejected") throw bytes.reason;
    return { item, stats, sidecar };
  } catch (error) {
    if (placed) await removeSidecar(layout, place.key, placed);
    await removeFile(file);
    throw error;
  }
}

/** Removes what `prepare` made, unless it was published. */
export async function discardPrepared(layout: Layout, { item, stats }: Prepared): Promise<void> {
  if (!(await lookAt(homeOf(layout, item)))) return;
  // The file goes last: while it is there its inode number is not given to another.
  await removeSidecar(layout, item.place.key, stats);
  await removeFile(homeOf(layout, item));
}

function sidecarOf(path: string, etag: string, token: string | undefined, stats: BigIntStats, attributes: Attributes): Sidecar {
  const { headers, metadata, stamp, modifiedAt, conditions } = attributes;
  return {
    v: 1,
    path,
    etag,
    token,
    size: Number(stats.size),
    mtimes: [String(stats.mtimeNs)],
    modifiedAt: modifiedAt?.getTime(),
    headers,
    metadata,
    stamp,
    conditions,
  };
}

async function openFresh(layout: Layout, file: string): Promise<number> {
  try {
    return await openNew(file);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    // Somebody removed the whole root meanwhile.
    await layout.renew();
    return openNew(file);
  }
}

/** Fills an open file, looks at it, and starts to force it to the disk; the descriptor is closed afterwards. */
async function finish(
  fd: number,
  layout: Layout,
  fill: () => Promise<void>,
): Promise<{ stats: BigIntStats; synced: Promise<void> }> {
  let handedOver = false;
  try {
    await fill();
    const stats = statOpen(fd);
    handedOver = true;
    const synced = (layout.fsync ? syncOpen(fd) : Promise.resolve()).finally(() => closeFile(fd));
    synced.catch(() => {}); // thrown where it is awaited
    return { stats, synced };
  } finally {
    if (!handedOver) await closeFile(fd);
  }
}

/** Refuses bytes that are gone: their temporary file was removed while the write stood still. */
export function overtaken(): OmniError {
  return new OmniError("UNAVAILABLE", {
    reason: "the temporary file of the write was removed meanwhile; give sweepStale an age that is longer than the longest write",
    outcome: "not-applied",
  });
}
