import { type ObjectInfo, OmniError } from "@omni/core";
import type { Context, Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { formatDate } from "../output/format.ts";
import { directoryAt, folderOf, nameOf, nothingAt } from "../places.ts";
import type { StoreTarget } from "../targets.ts";
import type { LS_OPTIONS } from "./stores.ts";

/** `omni ls`. */
export const run: Run<OptionsOf<typeof LS_OPTIONS>> = async (context, [text], { recursive, long }) => {
  const targets = await context.targets();
  if (text === undefined) {
    const names = targets.names();
    for (const { name, kind, from } of names) await context.out.result({ name, kind, from }, `${name}:`);
    if (names.length === 0) context.out.note("No names are configured; write them into omni.config.json, or name a URL or a path.");
    return;
  }
  const target = await targets.store(text);
  const show = async (info: ObjectInfo, name: string): Promise<void> => {
    const shown = context.out.name(name);
    await context.out.result(objectFields(info), () => (long ? longLine(info, shown) : shown));
  };
  const folder = (await directoryAt(targets, text)) ?? target;
  const found = await listFolder(context, folder, recursive === true, show);
  if (found || target.path === "") return;
  await show(await objectOf(context, target, text), nameOf(target.path));
};

async function listFolder(
  { signal }: Context,
  { backend, path }: StoreTarget,
  recursive: boolean,
  show: (info: ObjectInfo, name: string) => Promise<void>,
): Promise<boolean> {
  const folder = folderOf(path);
  let found = false;
  for await (const info of backend.list(folder, { signal, ...(recursive ? {} : { delimiter: "/" }) })) {
    found = true;
    const full = info.isDirectory ? folderOf(info.path) : info.path;
    if (full !== folder) await show({ ...info, path: full }, full.slice(folder.length));
  }
  return found;
}

async function objectOf({ signal }: Context, { backend, path }: StoreTarget, text: string): Promise<ObjectInfo> {
  try {
    return await backend.stat(path.replace(/\/$/, ""), { signal });
  } catch (error) {
    throw OmniError.is(error, "NOT_FOUND") ? nothingAt(text) : error;
  }
}

/** What `--json` says of an object. */
export function objectFields(info: ObjectInfo): Record<string, unknown> {
  const { path, size, isDirectory = false, modifiedAt, etag, version, contentType, cacheControl, contentEncoding } = info;
  const { contentDisposition, metadata, hashes } = info;
  if (isDirectory) return { path, isDirectory };
  const headers = { contentType, cacheControl, contentEncoding, contentDisposition };
  return { path, isDirectory, size, modifiedAt: modifiedAt?.toISOString(), etag, version, ...headers, metadata, hashes };
}

function longLine(info: ObjectInfo, name: string): string {
  const size = info.isDirectory ? "-" : String(info.size);
  return `${size.padStart(14)}  ${formatDate(info.modifiedAt)}  ${name}`;
}
