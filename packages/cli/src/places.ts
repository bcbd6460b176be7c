import { type Backend, comparePaths, OmniError } from "@omni/core";
import { DIRECTORY_SCHEMES } from "./config/address.ts";
import type { StoreTarget, Targets } from "./targets.ts";

const URL_PATH = /^(?<start>(?<scheme>[a-z][a-z0-9+.-]*):\/\/[^?#]*?)\/*(?<options>[?#].*)?$/is;

/** The prefix that means a folder: "" or ending in "/". */
export function folderOf(path: string): string {
  return path === "" || path.endsWith("/") ? path : `${path}/`;
}

/** The last segment of a path: `c` of `a/b/c` and of `a/b/c/`. */
export function nameOf(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1) ?? "";
}

/** Whether a place is a folder by its spelling: the store itself, or it ends in "/". */
export function isFolder({ path }: Pick<StoreTarget, "path">): boolean {
  return path === "" || path.endsWith("/");
}

/** How messages name an object of a target's store. */
export function urlOf(target: StoreTarget, path: string): string {
  const base = target.path === "" ? target.url : target.url.slice(0, target.url.length - target.path.length);
  return `${base.replace(/(?<!:\/)\/$/, "")}${base.endsWith(":") ? "" : "/"}${path}`;
}

/** An object's place; a folder is refused. @throws OmniError INVALID_ARGUMENT */
export function objectAt(target: StoreTarget, text: string): StoreTarget {
  if (isFolder(target))
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `${JSON.stringify(text)} names a folder; name an object, or use a command for folders (ls, copy, rm --recursive)`,
    });
  return target;
}

/**
 * A place that is meant as a folder: a local path that does not exist yet is one too.
 *
 * @throws OmniError INVALID_ARGUMENT when it is a local file
 */
export async function folderAt(targets: Targets, text: string): Promise<StoreTarget> {
  const target = await targets.store(text);
  const directory = await directoryAt(targets, text);
  if (directory) return directory;
  const isLocal = target.name === undefined && !/^[a-z][a-z0-9+.-]*:/i.test(text);
  if (!isLocal || target.path === "") return asFolder(target);
  if (await target.backend.exists(target.path))
    throw new OmniError("INVALID_ARGUMENT", { reason: `${JSON.stringify(text)} is a file; for one object use cp or mv` });
  return targets.store(`${text}/`);
}

/** The directory that a URL may name, as a store of its own; `undefined` where URLs name something else. */
export async function directoryAt(targets: Targets, text: string): Promise<StoreTarget | undefined> {
  const { start, scheme = "", options = "" } = URL_PATH.exec(text)?.groups ?? {};
  return DIRECTORY_SCHEMES.has(scheme.toLowerCase()) ? targets.store(`${start}/${options}`) : undefined;
}

function asFolder(target: StoreTarget): StoreTarget {
  return isFolder(target) ? target : { ...target, path: `${target.path}/`, url: `${target.url}/` };
}

/** What a listing of one level shows: folders end in "/". */
export interface LevelEntry {
  readonly path: string;
  /** Relative to the folder. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly size: number;
  readonly modifiedAt?: Date | undefined;
}

/** One level of a folder, sorted. */
export async function levelOf(backend: Backend, folder: string, signal: AbortSignal): Promise<LevelEntry[]> {
  const entries: LevelEntry[] = [];
  for await (const info of backend.list(folder, { delimiter: "/", signal })) {
    const isDirectory = info.isDirectory === true;
    const path = isDirectory ? folderOf(info.path) : info.path;
    if (path === folder) continue;
    const name = path.slice(folder.length);
    entries.push({ path, name, isDirectory, size: info.size, modifiedAt: info.modifiedAt });
  }
  return entries.sort((a, b) => comparePaths(a.name, b.name));
}

/** A place's text without "/" at the end of its path: a folder as a name in the one above it. */
export function asName(text: string): string {
  const { start, options = "" } = URL_PATH.exec(text)?.groups ?? {};
  return start === undefined ? text.replace(/(?<=[^:/])\/+$/, "") : start + options;
}

/** Says that nothing is at a place. */
export function nothingAt(text: string, hint = ""): OmniError {
  return new OmniError("NOT_FOUND", { reason: `nothing is at ${JSON.stringify(text)}${hint === "" ? "" : `; ${hint}`}` });
}

/** @throws OmniError NOT_SUPPORTED where folders are but parts of names */
export function refuseWithoutFolders({ backend, path }: StoreTarget, operation: "mkdir" | "rmdir"): void {
  if (backend.features[operation]) return;
  const backendName = backend.driver.scheme;
  const reason = `${backendName} has no folders of its own: one is there with its first object and gone with its last`;
  throw new OmniError("NOT_SUPPORTED", { backend: backendName, operation, path, reason, outcome: "not-applied" });
}
