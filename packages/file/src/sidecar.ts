import type { BigIntStats } from "node:fs";
import { readFile, readlink, rename, symlink } from "node:fs/promises";
import { type ContentHeaders, delay, type ObjectInfo, OmniError, type WriteConditions, type WriteStamp } from "@omni/core";
import { closeFile, hasCode, lookAt, makeDirectory, openNew, removeFile, succeeds, syncOpen, writeAll } from "./file-system.ts";
import type { Layout, Place } from "./layout.ts";

/**
 * What is known of one version of an object beside its bytes. It stands in a file of its own, whose name binds it to the inode that holds the bytes,
 * and is there before the inode gets its path: whoever has the inode has its sidecar.
 */
export interface Sidecar {
  readonly v: 1;
  readonly path: string;
  /** The version's name, never used twice. */
  readonly etag: string;
  /** The token of the staged write that published it. */
  readonly token?: string | undefined;
  readonly size: number;
  /** Modification times of the inode, in nanoseconds, with which it holds what Omni wrote. Another means that another program wrote. */
  readonly mtimes: readonly string[];
  /** The modification time that was asked for, in milliseconds; else the inode's counts. */
  readonly modifiedAt?: number | undefined;
  readonly headers?: ContentHeaders | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly stamp?: WriteStamp | undefined;
  /** The conditions that a staged write was given when it was staged. */
  readonly conditions?: WriteConditions | undefined;
}

/** One version of an object: its inode, and its sidecar when Omni wrote it. */
export interface Version {
  readonly stats: BigIntStats;
  readonly sidecar: Sidecar | undefined;
}

// A sidecar up to this length is a symbolic link that leads nowhere: one system call to make with its content, one to read, and none that forces
// it to the disk beyond its directory's. XFS takes 1,024 bytes, macOS 1,023.
const MAX_LINK_BYTES = 1000;
const LINKS = process.platform !== "win32";

/** The sidecar's file name: place, inode and the inode's birth, so that a later inode with the same number is another. */
export function sidecarFile(layout: Layout, key: string, stats: BigIntStats): string {
  return `${layout.sidecars(key)}/${key}.${stats.ino.toString(36)}.${stats.birthtimeNs.toString(36)}`;
}

/** Reads the sidecar of an inode at a place; `undefined` when there is none, or when the file was changed since. */
export async function readSidecar(layout: Layout, key: string, stats: BigIntStats): Promise<Sidecar | undefined> {
  return matching(await readRecord(sidecarFile(layout, key, stats)), stats);
}

/** The sidecar that a record is, if it is that of an inode as it stands. */
export function matching(text: string | undefined, stats: BigIntStats): Sidecar | undefined {
  const sidecar = text === undefined ? undefined : parseSidecar(text);
  return sidecar && BigInt(sidecar.size) === stats.size && hasTime(sidecar, stats.mtimeNs) ? sidecar : undefined;
}

/** The text of a record; `undefined` when it is not there. */
export async function readRecord(file: string): Promise<string | undefined> {
  try {
    return await readlink(file);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    if (!hasCode(error, "EINVAL", "UNKNOWN")) throw error;
  }
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** A record as it was written; `undefined` for anything else, such as a file that a crash left unfinished. */
export function parseSidecar(text: string): Sidecar | undefined {
  try {
    const value = JSON.parse(text) as Sidecar;
    return value.v === 1 ? value : undefined;
  } catch (error) {
    if (error instanceof Error && error.name === "SyntaxError") return undefined;
    throw error;
  }
}

/** Makes a record that must not be there yet. @throws EEXIST */
export async function writeRecord(file: string, text: string, fsync: boolean): Promise<void> {
  if (LINKS && Buffer.byteLength(text) <= MAX_LINK_BYTES) return symlink(text, file);
  const fd = await openNew(file);
  try {
    await writeAll(fd, [Buffer.from(text)]);
    if (fsync) await syncOpen(fd);
  } finally {
    await closeFile(fd);
  }
}

// Whoever unpublishes a version removes its sidecar, a moment later; a file that is older than this was left by a crash or by another program.
const LEFT_BEHIND_MS = 5000;

/**
 * Places the sidecar of an inode that has no path yet. The name is taken exclusively: if another version had the same inode number a moment ago
 * and its sidecar is about to be removed, this waits for the removal, which would otherwise hit the new one.
 */
export async function placeSidecar(layout: Layout, key: string, stats: BigIntStats, sidecar: Sidecar): Promise<void> {
  const file = sidecarFile(layout, key, stats);
  const text = JSON.stringify(sidecar);
  while (true) {
    try {
      await writeRecord(file, text, layout.fsync);
      return await layout.settle(layout.sidecars(key));
    } catch (error) {
      if (hasCode(error, "ENOENT")) {
        await makeShard(layout, key);
        continue;
      }
      if (!hasCode(error, "EEXIST")) throw error;
    }
    const present = await lookAt(file);
    if (present && Date.now() - Number(present.ctimeMs) > LEFT_BEHIND_MS) await removeFile(file);
    else await delay(1);
  }
}

/**
 * Replaces the sidecar of an inode with one that stands in a file of its own. One step: readers see the old or the new.
 *
 * @throws ENOENT when that file is not there
 */
export async function moveSidecar(layout: Layout, key: string, stats: BigIntStats, from: string): Promise<void> {
  const file = sidecarFile(layout, key, stats);
  if (await succeeds(rename(from, file), "ENOENT")) return;
  await makeShard(layout, key);
  await rename(from, file);
}

/** Removes the sidecar of a version that has no path any more. Only for whoever took the path from it. */
export async function removeSidecar(layout: Layout, key: string, stats: BigIntStats): Promise<void> {
  await removeFile(sidecarFile(layout, key, stats));
}

/** Makes the directory of a place's sidecars; says whether it was missing. */
async function makeShard(layout: Layout, key: string): Promise<boolean> {
  const made = await makeDirectory(layout.sidecars(key));
  if (made) await layout.settle(layout.own("meta"));
  return made;
}

/** Whether the inode has a modification time that the sidecar knows. */
function hasTime({ mtimes, modifiedAt }: Sidecar, mtimeNs: bigint): boolean {
  if (mtimes.includes(String(mtimeNs))) return true;
  // After setMetadata the time asked for is right, too; the kernel gets it as floating-point seconds.
  return modifiedAt !== undefined && Math.abs(Number(mtimeNs - BigInt(modifiedAt) * 1_000_000n)) < 1_000_000;
}

/**
 * Finds the version at a place.
 *
 * A writer places the sidecar before it publishes and removes it after the next version is there: a sidecar that is missing while the path keeps
 * its inode means a file of another program.
 *
 * @throws OmniError INVALID_PATH for a symbolic link
 */
export async function findVersion(layout: Layout, place: Place): Promise<Version | undefined> {
  for (let round = 0; round < 1000; round++) {
    const stats = await lookAt(place.target);
    if (!stats || isOther(place, stats)) return undefined;
    const sidecar = await readSidecar(layout, place.key, stats);
    if (sidecar || isSame(stats, await lookAt(place.target))) return { stats, sidecar };
  }
  throw restless(place);
}

/** Whether something else than a file is there. @throws OmniError INVALID_PATH for a symbolic link */
export function isOther({ path }: Pick<Place, "path">, stats: BigIntStats): boolean {
  if (stats.isSymbolicLink()) throw linkInPlace(path);
  return !stats.isFile();
}

export function linkInPlace(path: string): OmniError {
  return new OmniError("INVALID_PATH", {
    path,
    reason: "it is a symbolic link; links inside a root are not followed: give the real path, or delete the link",
    outcome: "not-applied",
  });
}

export function restless({ path }: Place): OmniError {
  return new OmniError("UNAVAILABLE", { path, reason: "the object was replaced faster than it could be looked at" });
}

/** Whether two looks saw one inode that nobody renamed, linked or wrote meanwhile. */
export function isSame(a: BigIntStats, b: BigIntStats | undefined): boolean {
  return (
    b !== undefined &&
    a.ino === b.ino &&
    a.birthtimeNs === b.birthtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.mtimeNs === b.mtimeNs &&
    a.size === b.size
  );
}

/** The version's etag. A file of another program has one made of what the kernel knows of it. */
export function etagOf({ stats, sidecar }: Version): string {
  return sidecar?.etag ?? `f-${[stats.ino, stats.mtimeNs, stats.ctimeNs, stats.size].map((part) => part.toString(36)).join("-")}`;
}

/** What `stat` says of a version. */
export function infoOf(path: string, version: Version): ObjectInfo {
  const { stats, sidecar } = version;
  if (sidecar)
    return { ...infoOfSidecar(sidecar), path, modifiedAt: new Date(sidecar.modifiedAt ?? millisecondsOf(stats.mtimeNs)) };
  return { path, size: Number(stats.size), modifiedAt: new Date(millisecondsOf(stats.mtimeNs)), etag: etagOf(version) };
}

/** What is known of a version from its sidecar alone. */
export function infoOfSidecar({ path, size, modifiedAt, mtimes, etag, headers, metadata, stamp }: Sidecar): ObjectInfo {
  return {
    path,
    size,
    modifiedAt: new Date(modifiedAt ?? millisecondsOf(BigInt(mtimes[0] ?? 0))),
    etag,
    ...headers,
    metadata,
    stamp,
  };
}

function millisecondsOf(ns: bigint): number {
  return Number(ns / 1_000_000n);
}
