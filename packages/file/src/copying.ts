import type { BigIntStats } from "node:fs";
import { link, lstat } from "node:fs/promises";
import { type ObjectInfo, OmniError } from "@omni/core";
import { hasCode, lookAt } from "./file-system.ts";
import type { Layout, Place } from "./layout.ts";
import { publishPrepared, remove } from "./publishing.ts";
import { findVersion, isSame, restless, type Version } from "./sidecar.ts";
import { type Attributes, discardPrepared, make, type Prepared, prepareCopy } from "./writing.ts";

/** Copies one version of an object, bytes and metadata together. @throws OmniError NOT_FOUND */
export async function copyObject(layout: Layout, from: Place, to: Place, signal: AbortSignal | undefined): Promise<ObjectInfo> {
  const { prepared } = await stable(layout, from, (source) => prepareCopy(layout, to, from.target, carried(source), signal));
  return publishOrDiscard(layout, prepared, signal);
}

/**
 * Moves an object: its inode gets the new path beside the old one, then the old one is taken away. A crash between the two leaves both.
 *
 * @throws OmniError NOT_FOUND
 */
export async function moveObject(layout: Layout, from: Place, to: Place, signal: AbortSignal | undefined): Promise<ObjectInfo> {
  while (true) {
    const { source, prepared } = await stable(layout, from, async (version) => {
      const there = await lookAt(to.target);
      // A move that a crash broke off: the inode is there already, with the metadata of that time.
      if (there && isInode(there, version.stats)) await remove(layout, to, {}, signal);
      return (await prepareLink(layout, to, from, version)) ?? prepareCopy(layout, to, from.target, carried(version), signal);
    });
    const info = await publishOrDiscard(layout, prepared, signal);
    const linked = isInode(prepared.stats, source.stats);
    if (await remove(layout, from, { only: source, linked }, signal)) return info;
    const left = await lookAt(from.target);
    if (!left || !isInode(left, source.stats)) return info;
    // Its metadata was changed meanwhile: the copy must have the change.
  }
}

function isInode(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.birthtimeNs === b.birthtimeNs && a.dev === b.dev;
}

async function publishOrDiscard(layout: Layout, prepared: Prepared, signal: AbortSignal | undefined): Promise<ObjectInfo> {
  try {
    return await publishPrepared(layout, prepared, {}, signal);
  } catch (error) {
    await discardPrepared(layout, prepared);
    throw error;
  }
}

/** Makes something of one version of an object, again if another came meanwhile. */
async function stable(
  layout: Layout,
  from: Place,
  makeOf: (source: Version) => Promise<Prepared>,
): Promise<{ source: Version; prepared: Prepared }> {
  for (let round = 0; round < 100; round++) {
    const source = await findVersion(layout, from);
    if (!source) throw new OmniError("NOT_FOUND");
    const prepared = await makeOf(source);
    // A link shares the inode, whose bytes nobody but another program changes; it changes the ctime, which a copy must find untouched.
    const isLink = isInode(prepared.stats, source.stats);
    if (isLink || isSame(source.stats, await lookAt(from.target))) return { source, prepared };
    await discardPrepared(layout, prepared);
  }
  throw restless(from);
}

/** `undefined` where the file system has no links, or the places are on two devices. */
async function prepareLink(layout: Layout, to: Place, from: Place, source: Version): Promise<Prepared | undefined> {
  try {
    return await make(layout, to, "write", carried(source), async (file) => {
      await link(from.target, file);
      return { stats: await lstat(file, { bigint: true }), synced: Promise.resolve() };
    });
  } catch (error) {
    if (hasCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "EXDEV", "ENOSYS")) return undefined;
    throw error;
  }
}

/** What a copy takes along: not the stamp, which names one write to one path. */
function carried({ stats, sidecar }: Version): Attributes {
  return {
    headers: sidecar?.headers,
    metadata: sidecar?.metadata,
    modifiedAt: new Date(sidecar?.modifiedAt ?? Number(stats.mtimeNs / 1_000_000n)),
  };
}
