import { dirname, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type Backend, isSameStore, layer, type ObjectInfo, RESERVED_PREFIX } from "@omni/core";
import { UsageError } from "../command.ts";
import { folderAt, folderOf } from "../places.ts";
import type { StoreTarget, Targets } from "../targets.ts";

/** A destination and a place in the same store for what it replaces. */
export interface DestinationWithBackup {
  readonly to: StoreTarget;
  readonly backupPrefix: string;
}

/**
 * The destination seen from a store that also holds the backup folder. Two local directories are two stores: both are seen from the nearest directory
 * that holds them, where the records of the destination's own store stay hidden.
 *
 * @throws UsageError when they are not in one store
 */
export async function commonDestination(
  targets: Targets,
  to: StoreTarget,
  text: string,
  cwd: string,
): Promise<DestinationWithBackup> {
  const backup = await folderAt(targets, text);
  if (isSameStore(to.backend, backup.backend)) return { to, backupPrefix: backup.path };
  if (![to, backup].every(({ backend, name }) => backend.driver.scheme === "file" && name === undefined))
    throw new UsageError(`--backup-dir ${JSON.stringify(text)} is not in the destination's store, ${to.url}`);
  const [toDirectory, backupDirectory] = [to, backup].map(({ url }) => resolve(cwd, fileURLToPath(url)));
  const root = commonDirectory(toDirectory as string, backupDirectory as string);
  const { backend, url } = await targets.store(folderOf(root));
  const prefixOf = (directory: string | undefined): string =>
    folderOf(
      relative(root, directory as string)
        .split(sep)
        .join("/"),
    );
  const path = prefixOf(toDirectory);
  return { to: { backend: withoutRecordsIn(backend, path), path, url: `${url}/${path}` }, backupPrefix: prefixOf(backupDirectory) };
}

function commonDirectory(a: string, b: string): string {
  for (let directory = a; ; directory = dirname(directory)) {
    if (directory === dirname(directory) || b === directory || b.startsWith(directory + sep)) return directory;
  }
}

/** A store at the folder hides its records; to the store around it they are files like others. */
function withoutRecordsIn(backend: Backend, folder: string): Backend {
  const records = `${folder}${RESERVED_PREFIX}`;
  return layer(backend, (driver) => ({ list: (prefix, options) => without(records, driver.list(prefix, options)) }));
}

async function* without(records: string, listing: AsyncIterable<ObjectInfo>): AsyncGenerator<ObjectInfo, void> {
  for await (const info of listing) if (!info.path.startsWith(records)) yield info;
}
