import { comparePaths, type DriverListOptions, groupByDelimiter, type ObjectInfo, RESERVED_PREFIX } from "@omni/core";
import type { FileEntryWithStats } from "ssh2";
import { STATUS, unless } from "./errors.ts";
import { isOwn, type Layout } from "./layout.ts";
import type { Pool } from "./pool.ts";
import { infoOf } from "./reading.ts";

interface Walk {
  readonly pool: Pool;
  readonly layout: Layout;
  readonly prefix: string;
  readonly startAfter: string | undefined;
  /** Whether directories below the prefix are shown and not entered. */
  readonly shallow: boolean;
  readonly signal: AbortSignal | undefined;
}

/** An entry of a directory, by its path; a directory's ends in `/`. */
interface Found {
  readonly path: string;
  readonly entry: FileEntryWithStats;
}

/** Lists objects in byte order of their paths. One directory at a time is read whole, with sizes and times; the rest is lazy. */
export async function* listObjects(
  pool: Pool,
  layout: Layout,
  prefix: string,
  options: DriverListOptions,
): AsyncGenerator<ObjectInfo, void> {
  const { delimiter, startAfter, signal } = options;
  const shallow = delimiter === "/";
  const walk: Walk = { pool, layout, prefix, startAfter: shallow || !delimiter ? startAfter : undefined, shallow, signal };
  const top = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  if (top !== "" && !(await pool.useTwice(signal, (session) => layout.checkWay(session, `${top}x`)))) return;
  const found = walkDirectory(walk, top);
  yield* delimiter && !shallow ? groupByDelimiter(found, prefix, delimiter, startAfter) : found;
}

async function* walkDirectory(walk: Walk, directory: string): AsyncGenerator<ObjectInfo, void> {
  for (const { path, entry } of await entriesIn(walk, directory)) {
    walk.signal?.throwIfAborted();
    if (!path.endsWith("/")) yield infoOf(path, entry.attrs);
    else if (walk.shallow && path.startsWith(walk.prefix) && path.length > walk.prefix.length)
      yield { path, size: 0, isDirectory: true };
    else yield* walkDirectory(walk, path);
  }
}

/** What in a directory can lead to what is listed, in the order of the paths that it leads to. */
async function entriesIn(walk: Walk, directory: string): Promise<Found[]> {
  const { pool, layout, signal } = walk;
  const place = `${layout.root}/${directory}`.replace(/(?<=.)\/$/, "");
  const entries = await pool.useTwice(signal, (session) => unless(session.entries(place), STATUS.NO_SUCH_FILE));
  const found: Found[] = [];
  // None: removed meanwhile, or never there.
  for (const entry of entries ?? []) {
    const { filename, attrs } = entry;
    // Links are not followed, pipes and devices are no objects.
    if (filename === "." || filename === ".." || !(attrs.isDirectory() || attrs.isFile())) continue;
    const path = `${directory}${filename}${attrs.isDirectory() ? "/" : ""}`;
    if (leadsOn(walk, path)) found.push({ path, entry });
  }
  return found.sort((a, b) => comparePaths(a.path, b.path));
}

function leadsOn({ prefix, startAfter, shallow }: Walk, path: string): boolean {
  if (isOwn(path)) return false;
  if (path === RESERVED_PREFIX && !prefix.startsWith(RESERVED_PREFIX)) return false;
  const isDirectory = path.endsWith("/");
  if (!path.startsWith(prefix) && !(isDirectory && prefix.startsWith(path))) return false;
  if (startAfter === undefined || comparePaths(path, startAfter) > 0) return true;
  // A directory that sorts before may hold paths that sort after; one that is shown as a whole is past.
  const isGroup = shallow && path.length > prefix.length;
  return isDirectory && startAfter.startsWith(path) && !isGroup;
}
