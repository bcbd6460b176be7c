import { dirname, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type Backend, isSameStore, layer, type ObjectInfo, RESERVED_PREFIX } from "@omni/core";
import { UsageError } from "../command.ts";
import { folderAt, folderOf } from "../places.ts";
import type { StoreTarget, Targets } from "../targets.ts";

/** Flags that name a place in the destination's store. */
export type BesideFlag = "--backup-dir" | "--copy-dest";

/** A destination and places in the same store. */
export interface CommonDestination {
  readonly to: StoreTarget;
  /** The prefix of each place that was named. */
  readonly prefixes: Partial<Record<BesideFlag, string>>;
}

interface Beside extends StoreTarget {
  readonly flag: BesideFlag;
}

/**
 * The destination seen from a store that also holds other places. Local directories are a store each: all are seen from the nearest directory that
 * holds them, where the records of their own stores stay hidden.
 *
 * @param texts the places, as they were typed
 * @throws UsageError when they are not in one store
 */
export async function commonDestination(
  targets: Targets,
  to: StoreTarget,
  texts: Readonly<Record<BesideFlag, string | undefined>>,
  cwd: string,
): Promise<CommonDestination> {
  const places: Beside[] = [];
  for (const flag of ["--backup-dir", "--copy-dest"] as const) {
    const text = texts[flag];
    if (text === undefined) continue;
    const place = { ...(await folderAt(targets, text)), flag };
    if (!isSameStore(to.backend, place.backend) && ![to, place].every(isLocal))
      throw new UsageError(`${flag} ${JSON.stringify(text)} is not in the destination's store, ${to.url}`);
    places.push(place);
  }
  if (places.every(({ backend }) => isSameStore(to.backend, backend))) return { to, prefixes: prefixesOf(places) };
  const directories = [to, ...places].map(({ url }) => resolve(cwd, fileURLToPath(url)));
  const root = directories.reduce(commonDirectory);
  const { backend, url } = await targets.store(folderOf(root));
  const [path = "", ...others] = directories.map((directory) => folderOf(relative(root, directory).split(sep).join("/")));
  return {
    to: { backend: withoutRecordsIn(backend, [path, ...others]), path, url: `${url}/${path}` },
    prefixes: prefixesOf(places.map(({ flag }, at) => ({ flag, path: others[at] as string }))),
  };
}

function isLocal({ backend, name }: StoreTarget): boolean {
  return backend.driver.scheme === "file" && name === undefined;
}

function prefixesOf(places: readonly Pick<Beside, "flag" | "path">[]): CommonDestination["prefixes"] {
  return Object.fromEntries(places.map(({ flag, path }) => [flag, path]));
}

function commonDirectory(a: string, b: string): string {
  for (let directory = a; ; directory = dirname(directory)) {
    if (directory === dirname(directory) || b === directory || b.startsWith(directory + sep)) return directory;
  }
}

/** Stores at the folders hide their records; to the store around them they are files like others. */
function withoutRecordsIn(backend: Backend, folders: readonly string[]): Backend {
  const records = folders.map((folder) => `${folder}${RESERVED_PREFIX}`);
  return layer(backend, (driver) => ({ list: (prefix, options) => without(records, driver.list(prefix, options)) }));
}

async function* without(records: readonly string[], listing: AsyncIterable<ObjectInfo>): AsyncGenerator<ObjectInfo, void> {
  for await (const info of listing) if (!records.some((prefix) => info.path.startsWith(prefix))) yield info;
}
