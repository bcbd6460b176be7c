import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectInfo } from "@omni/core";
import { type FileBackend, type FileOptions, file } from "@omni/file";

const roots: string[] = [];

/** A directory that nobody else uses; removed by {@link removeRoots}. */
export async function freshRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "omni-file-"));
  roots.push(root);
  return root;
}

/** A backend over a directory of its own. */
export async function freshBackend(options: Partial<FileOptions> = {}): Promise<FileBackend> {
  return file({ root: await freshRoot(), fsync: false, ...options });
}

/** All entries of a listing. */
export async function listed(entries: AsyncIterable<ObjectInfo>): Promise<ObjectInfo[]> {
  const all: ObjectInfo[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

export async function removeRoots(): Promise<void> {
  for (const root of roots.splice(0)) await rm(root, { recursive: true, force: true });
}
