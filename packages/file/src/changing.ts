import { randomUUID } from "node:crypto";
import { type ContentHeaders, type MetadataChange, type ObjectInfo, OmniError } from "@omni/core";
import { armedOf, claim, disarm, homeOf, inTurn, newItem } from "./claim.ts";
import { closeFile, hasCode, openToRead, removeFile, setTimes, statOpen } from "./file-system.ts";
import type { Layout, Place } from "./layout.ts";
import { checkMatch, isVersion } from "./publishing.ts";
import { findVersion, infoOf, moveSidecar, type Sidecar, type Version, writeRecord } from "./sidecar.ts";

/**
 * Replaces an object's sidecar in one step; the bytes stay where they are.
 *
 * @throws OmniError NOT_FOUND, PRECONDITION_FAILED
 */
export async function changeMetadata(
  layout: Layout,
  place: Place,
  change: MetadataChange,
  ifMatch: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo> {
  while (true) {
    const before = await findVersion(layout, place);
    checkMatch(before, ifMatch);
    if (!before) throw new OmniError("NOT_FOUND", { outcome: "not-applied" });
    const sidecar = changed(place.path, before, change);
    if (!(await replaceSidecar(layout, place, before, sidecar, signal))) continue;
    await layout.settle(layout.sidecars(place.key));
    if (change.modifiedAt) await setTimesOf(place, before, change.modifiedAt);
    return infoOf(place.path, { stats: before.stats, sidecar });
  }
}

/** @returns whether it was done; `false` when the object changed meanwhile */
async function replaceSidecar(
  layout: Layout,
  place: Place,
  before: Version,
  sidecar: Sidecar,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const item = newItem(place, "change", sidecar.etag, false);
  const home = homeOf(layout, item);
  await writeRecord(home, JSON.stringify(sidecar), layout.fsync);
  try {
    return await inTurn(layout, place, async () => {
      await claim(layout, item, signal);
      try {
        const now = await findVersion(layout, place);
        if (now && isVersion(now, before)) {
          await moveSidecar(layout, place.key, before.stats, armedOf(layout, item));
          return true;
        }
      } catch (error) {
        // The claim was taken away.
        if (!hasCode(error, "ENOENT")) throw error;
      } finally {
        await disarm(layout, item);
      }
      return false;
    });
  } finally {
    await removeFile(home);
  }
}

function changed(path: string, { stats, sidecar }: Version, change: MetadataChange): Sidecar {
  const { metadata = sidecar?.metadata, modifiedAt, ...headers } = change;
  return {
    v: 1,
    path,
    etag: randomUUID(),
    token: sidecar?.token,
    size: Number(stats.size),
    mtimes: [String(stats.mtimeNs)],
    modifiedAt: modifiedAt?.getTime() ?? sidecar?.modifiedAt,
    headers: { ...sidecar?.headers, ...given(headers) },
    metadata,
    stamp: sidecar?.stamp,
  };
}

function given(headers: ContentHeaders): ContentHeaders {
  const { contentType, cacheControl, contentEncoding, contentDisposition } = headers;
  const all = { contentType, cacheControl, contentEncoding, contentDisposition };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/**
 * For other programs to see; Omni has the time in the sidecar. By descriptor: what came to the path meanwhile is left alone. An inode with a second
 * path, as a move that a crash broke off leaves it, keeps its time: the other path's sidecar knows only that one.
 */
async function setTimesOf({ target }: Place, { stats }: Version, modifiedAt: Date): Promise<void> {
  let fd: number;
  try {
    fd = await openToRead(target);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ELOOP")) return;
    throw error;
  }
  try {
    const now = statOpen(fd);
    if (now.ino === stats.ino && now.birthtimeNs === stats.birthtimeNs && now.nlink === 1n) await setTimes(fd, modifiedAt);
  } finally {
    await closeFile(fd);
  }
}
