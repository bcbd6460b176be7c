import { type DriverRead, type DriverReadOptions, OmniError } from "@omni/core";
import { FileBody, WholeBody } from "./body.ts";
import { closeAtOnce, closeFile, hasCode, lookAt, lookAtOnce, openToRead, readAt, statOpen } from "./file-system.ts";
import type { Layout, Place } from "./layout.ts";
import { etagOf, infoOf, isSame, linkInPlace, readSidecar, restless, type Version } from "./sidecar.ts";

// Up to this much is read while the object is opened: no descriptor stays open and the body costs nothing more.
const SMALL_BYTES = 64 * 1024;

/** Opens an object: its bytes and info are of one version, which stays readable while the object is overwritten or deleted. */
export async function readObject(layout: Layout, place: Place, options: DriverReadOptions): Promise<DriverRead> {
  const { offset = 0, limit = Number.POSITIVE_INFINITY, ifMatch, signal } = options;
  const { fd, version } = await openVersion(layout, place);
  let handedOver = false;
  try {
    if (ifMatch !== undefined && etagOf(version) !== ifMatch) throw new OmniError("PRECONDITION_FAILED");
    signal?.throwIfAborted();
    const info = infoOf(place.path, version);
    const bytes = Math.max(0, Math.min(limit, info.size - offset));
    handedOver = bytes > SMALL_BYTES;
    const body = handedOver ? new FileBody(fd, offset, bytes, signal) : new WholeBody(await readWhole(fd, offset, bytes));
    return { info, body };
  } finally {
    if (!handedOver) closeAtOnce(fd);
  }
}

async function openVersion(layout: Layout, place: Place): Promise<{ fd: number; version: Version }> {
  for (let round = 0; round < 1000; round++) {
    const fd = await openFile(layout, place);
    try {
      const stats = statOpen(fd);
      // Directories, pipes and devices are no objects.
      if (!stats.isFile()) throw new OmniError("NOT_FOUND");
      // Where Omni never wrote there is no sidecar to look for: it would stand before its file could be opened.
      if (lookAtOnce(layout.own("meta")) === undefined) return { fd, version: { stats, sidecar: undefined } };
      const sidecar = await readSidecar(layout, place.key, stats);
      if (sidecar || isSame(stats, await lookAt(place.target))) return { fd, version: { stats, sidecar } };
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
    await closeFile(fd);
  }
  throw restless(place);
}

async function openFile(layout: Layout, place: Place): Promise<number> {
  // One after the other: what was opened leads the kernel the same way again without the disk.
  const [opened] = await Promise.allSettled([openToRead(place.target)]);
  const [way] = await Promise.allSettled([layout.checkWayAtOnce(place)]);
  if (way.status === "rejected") {
    if (opened.status === "fulfilled") await closeFile(opened.value);
    throw way.reason;
  }
  if (opened.status === "fulfilled") return opened.value;
  if (hasCode(opened.reason, "ELOOP", "EMLINK")) throw linkInPlace(place.path);
  throw opened.reason;
}

async function readWhole(fd: number, offset: number, bytes: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(bytes);
  let got = 0;
  while (got < bytes) {
    const more = await readAt(fd, buffer.subarray(got), offset + got);
    if (more === 0) break;
    got += more;
  }
  return buffer.subarray(0, got);
}
