import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { comparePaths, type DriverListOptions, groupByDelimiter, type ObjectInfo, RESERVED_PREFIX } from "@omni/core";
import { hasCode } from "./file-system.ts";
import { isOwn, type Layout } from "./layout.ts";
import { PageLook } from "./looking.ts";

// So many files are looked at side by side.
const PAGE_FILES = 64;

interface Walk {
  readonly layout: Layout;
  readonly look: PageLook;
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
    look: new PageLook(layout),
    prefix,
    startAfter: shallow || !delimiter ? startAfter : undefined,
    shallow,
    pageFiles: Math.min(pageSize, PAGE_FILES),
    signal,
  };
  const top = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  if (top !== "" && !(await layout.checkWay(layout.place(`${top}x`)))) return;
  const found = entriesOf(walkDirectory(walk, top));
  if (delimiter && !shallow) yield* groupByDelimiter(found, prefix, delimiter, startAfter);
  else yield* found;
}

type Page = readonly ObjectInfo[];

async function* entriesOf(pages: AsyncIterable<Page>): AsyncGenerator<ObjectInfo, void> {
  for await (const page of pages) for (const info of page) yield info;
}

/** Page by page: directories are nested, and an entry that went up through all of them would pay at each. */
async function* walkDirectory(walk: Walk, directory: string): AsyncGenerator<Page, void> {
  let files: string[] = [];
  for (const name of await namesIn(walk, directory)) {
    if (!name.endsWith("/")) {
      if (files.push(directory + name) < walk.pageFiles) continue;
      yield await describe(walk, files);
      files = [];
      continue;
    }
    yield await describe(walk, files);
    files = [];
    const path = directory + name;
    if (walk.shallow && path.startsWith(walk.prefix) && path.length > walk.prefix.length)
      yield [{ path, size: 0, isDirectory: true }];
    else yield* walkDirectory(walk, path);
  }
  yield await describe(walk, files);
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

async function describe({ look, signal }: Walk, paths: readonly string[]): Promise<Page> {
  if (paths.length === 0) return [];
  signal?.throwIfAborted();
  return (await look.infos(paths)).filter((info) => info !== undefined);
}
