import type { ObjectInfo } from "./object-info.ts";
import { comparePaths } from "./path.ts";

/** The group that a path belongs to: what it begins with, up to the first delimiter after the prefix. `undefined`: it stands for itself. */
export function groupOf(path: string, prefix: string, delimiter: string): string | undefined {
  const end = path.indexOf(delimiter, prefix.length);
  return end === -1 ? undefined : path.slice(0, end + delimiter.length);
}

/**
 * Groups a listing as `list` with a `delimiter` shows it. For drivers that group by some delimiters themselves and not by others.
 *
 * @param sorted objects below the prefix in byte order of their paths, so that those of one group follow each other
 * @param startAfter only entries after it; a group counts from its own name on
 */
export async function* groupByDelimiter(
  sorted: AsyncIterable<ObjectInfo>,
  prefix: string,
  delimiter: string,
  startAfter: string | undefined,
): AsyncGenerator<ObjectInfo, void> {
  let last: string | undefined;
  for await (const info of sorted) {
    const group = groupOf(info.path, prefix, delimiter);
    const path = group ?? info.path;
    if (path === last || (startAfter !== undefined && comparePaths(path, startAfter) <= 0)) continue;
    last = path;
    yield group === undefined ? info : { path, size: 0, isDirectory: true };
  }
}
