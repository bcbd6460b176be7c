import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { comparePaths, type DriverListOptions, type ObjectInfo, RESERVED_PREFIX } from "@omni/core";
import { hasCode } from "./file-system.ts";
import { isOwn, type Layout } from "./layout.ts";
import { findVersion, infoOf } from "./sidecar.ts";

// So many files are looked at side by side.
const PAGE_FILES = 64;

interface Walk {
  readonly layout: Layout;
  readonly prefix: string;
  readonly startAfter: string | undefined;
  /** Whether directories below the prefix are shown and not entered. */
  readonly shallow: boolean;
  readonly pageFiles: number;
  readonly signal: AbortSignal | undefined;
}

/** Lists objects in byte order of their paths. One directory at a time is read whole, names only; the rest is lazy. */
export async function* listObjects(layout: Layout, prefix: string, options: DriverListOptions): AsyncGenerator<ObjectInfo, void> {
  if (!(await layout.exists())) return;
  const { delimiter, startAfter, pageSize = PAGE_FILES, signal } = options;
  const shallow = delimiter === "/";
  const walk = {
    layout,
    prefix,
    startAfter: shallow || !delimiter ? startAfter : undefined,
    shallow,
    pageFiles: Math.min(pageSize, PAGE_FILES),
    signal,
  };
  const top = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  if (top !== "" && !(await layout.checkWay(layout.place(`${top}x`)))) return;
  const found = walkDirectory(walk, top);
  yield* delimiter && !shallow ? grouped(found, prefix, delimiter, startAfter) : found;
}

async function* walkDirectory(walk: Walk, directory: string): AsyncGenerator<ObjectInfo, void> {
  let files: string[] = [];
  for (const name of await namesIn(walk, directory)) {
    if (!name.endsWith("/")) {
      if (files.push(directory + name) < walk.pageFiles) continue;
      yield* describe(walk, files);
      files = [];
      continue;
    }
    yield* describe(walk, files);
    files = [];
    const path = directory + name;
    if (walk.shallow && path.startsWith(walk.prefix) && path.length > walk.prefix.length)
      yield { path, size: 0, isDirectory: true };
    else yield* walkDirectory(walk, path);
  }
  yield* describe(walk, files);
}

/** The names in a directory that can lead to what is listed, a `/` after directories, in the order of the paths that they lead to. */
async function namesIn(walk: Walk, directory: string): Promise<string[]> {
  walk.signal?.throwIfAborted();
  let entries: Dirent[];
  try {
    entries = await readdir(`${walk.layout.root}/${directory}`, { withFileTypes: true });
  } catch (error) {
    // Removed meanwhile, or never there.
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
  const names: string[] = [];
  for (const entry of entries) {
    // Links are not followed, pipes and devices are no objects.
    const name = entry.isDirectory() ? `${entry.name}/` : entry.isFile() ? entry.name : undefined;
    if (name !== undefined && leadsOn(walk, directory + name)) names.push(name);
  }
  return names.sort(comparePaths);
}

function leadsOn({ prefix, startAfter, shallow }: Walk, path: string): boolean {
  if (isOwn(path)) return false;
  const isDirectory = path.endsWith("/");
  if (path === RESERVED_PREFIX && !prefix.startsWith(RESERVED_PREFIX)) return false;
  if (!path.startsWith(prefix) && !(isDirectory && prefix.startsWith(path))) return false;
  if (startAfter === undefined || comparePaths(path, startAfter) > 0) return true;
  // A directory that sorts before may hold paths that sort after; one that is shown as a whole is past.
  const isGroup = shallow && path.length > prefix.length;
  return isDirectory && startAfter.startsWith(path) && !isGroup;
}

async function* describe({ layout, signal }: Walk, paths: readonly string[]): AsyncGenerator<ObjectInfo, void> {
  if (paths.length === 0) return;
  signal?.throwIfAborted();
  for (const info of await Promise.all(paths.map((path) => infoAt(layout, path)))) if (info) yield info;
}

/** `undefined` when it was deleted meanwhile, or has a name that is not UTF-8. */
async function infoAt(layout: Layout, path: string): Promise<ObjectInfo | undefined> {
  const version = await findVersion(layout, layout.place(path));
  return version && infoOf(path, version);
}

/** Groups by a delimiter that is not the separator of directories: paths of one group follow each other. */
async function* grouped(
  found: AsyncIterable<ObjectInfo>,
  prefix: string,
  delimiter: string,
  startAfter: string | undefined,
): AsyncGenerator<ObjectInfo, void> {
  let last: string | undefined;
  for await (const info of found) {
    const at = info.path.indexOf(delimiter, prefix.length);
    const entry = at < 0 ? info : { path: info.path.slice(0, at + delimiter.length), size: 0, isDirectory: true };
    if (entry.path === last || (startAfter !== undefined && comparePaths(entry.path, startAfter) <= 0)) continue;
    last = entry.path;
    yield entry;
  }
}
