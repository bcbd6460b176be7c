import {
  comparePaths,
  type DriverListOptions,
  type DriverRead,
  HASH_ALGORITHMS,
  type ObjectInfo,
  OmniError,
  type StorageDriver,
  type Supporting,
} from "@omni/core";
import { classifyError } from "./errors.ts";
import { type Attributes, infoOf, ObjectTable, type StoredObject } from "./object-table.ts";
import type { CheckedOptions } from "./options.ts";
import { Staging } from "./staging.ts";
import { StoredBytes } from "./stored-bytes.ts";

/** Keys that a listing looks at in one go. */
const PAGE_KEYS = 1000;

/** The optional methods that a memory store has. */
export type MemoryAbility = "stage" | "resumeStage" | "copy" | "move" | "deleteMany" | "setMetadata";

/** A store in the memory of this process. */
export type MemoryDriver = StorageDriver & Supporting<MemoryAbility>;

/** Makes a store of its own, empty. */
export function memoryDriver({ clock, maxObjectBytes }: CheckedOptions): MemoryDriver {
  const table = new ObjectTable(clock);
  const staging = new Staging(table);
  const take = (body: Parameters<typeof StoredBytes.of>[0]): Promise<StoredBytes> => StoredBytes.of(body, maxObjectBytes);
  return {
    scheme: "memory",
    // Said, not left out, so that a layer over this driver is known as the same store.
    identity: `memory:${crypto.randomUUID()}`,
    features: {
      hashes: HASH_ALGORITHMS,
      canStream: true,
      rangeRead: true,
      listPrefix: true,
      listDelimiter: true,
      listStartAfter: true,
      sortedList: true,
      setModTime: true,
      customMetadata: true,
      contentHeaders: true,
      stamps: true,
      conditional: { create: true, replace: "generation", delete: true },
      stagedWrite: "process",
      durable: "process",
      maxObjectBytes: Number.isFinite(maxObjectBytes) ? maxObjectBytes : undefined,
    },
    classifyError,
    async read(path, { offset = 0, limit = Number.POSITIVE_INFINITY, ifMatch }): Promise<DriverRead> {
      const object = table.need(path);
      if (ifMatch !== undefined && object.etag !== ifMatch) throw new OmniError("PRECONDITION_FAILED");
      return { info: infoOf(path, object), body: object.bytes.range(offset, limit) };
    },
    async write(path, body, options): Promise<ObjectInfo> {
      const bytes = await take(body);
      options.signal?.throwIfAborted();
      return table.put(path, bytes, options, options);
    },
    async stat(path): Promise<ObjectInfo> {
      return infoOf(path, table.need(path));
    },
    list: (prefix, options) => list(table, prefix, options),
    async delete(path, { ifMatch }): Promise<void> {
      table.delete(path, ifMatch);
    },
    async stage(path, body, options) {
      const bytes = await take(body);
      options.signal?.throwIfAborted();
      return staging.add(path, bytes, options, options);
    },
    async resumeStage(path, token) {
      return staging.resume(path, token);
    },
    async copy(from, to): Promise<ObjectInfo> {
      const object = table.need(from);
      return table.put(to, object.bytes, unstamped(object), {});
    },
    async move(from, to): Promise<ObjectInfo> {
      const object = table.need(from);
      const info = table.put(to, object.bytes, unstamped(object), {});
      table.delete(from);
      return info;
    },
    async deleteMany(paths): Promise<ReadonlyMap<string, unknown>> {
      for (const path of paths) table.delete(path);
      return new Map();
    },
    async setMetadata(path, change, { ifMatch }): Promise<ObjectInfo> {
      return table.change(path, change, ifMatch);
    },
    async close(): Promise<void> {
      table.clear();
      staging.clear();
    },
  };
}

/** What a copy takes along: not the stamp, which names one write to one path. */
function unstamped(object: StoredObject): Attributes {
  return { ...object, stamp: undefined };
}

/** Lists page by page: between two pages the store may change, and what stood there all the time is listed once. */
async function* list(table: ObjectTable, prefix: string, options: DriverListOptions): AsyncGenerator<ObjectInfo, undefined> {
  const { startAfter, pageSize = PAGE_KEYS } = options;
  let last: string | undefined = startAfter !== undefined && comparePaths(startAfter, prefix) >= 0 ? startAfter : undefined;
  while (true) {
    options.signal?.throwIfAborted();
    const page = takePage(table, prefix, options.delimiter, last, pageSize);
    for (const entry of page) yield entry;
    if (page.length < pageSize) return;
    last = page.at(-1)?.path;
  }
}

/** The entries after `last`: an entry is an object, or the group of those that share a path up to the delimiter. */
function takePage(
  table: ObjectTable,
  prefix: string,
  delimiter: string | undefined,
  last: string | undefined,
  pageSize: number,
): ObjectInfo[] {
  const page: ObjectInfo[] = [];
  let place = last;
  while (page.length < pageSize) {
    const group = takeObjects(table, prefix, delimiter, place, pageSize, page);
    if (group === undefined) return page;
    // A group counts by its own name, and is stepped over as a whole.
    if (last === undefined || comparePaths(group, last) > 0) page.push({ path: group, size: 0, isDirectory: true });
    place = group;
  }
  return page;
}

/** Adds the objects after a place until the page is full or a group begins, which it returns. */
function takeObjects(
  table: ObjectTable,
  prefix: string,
  delimiter: string | undefined,
  place: string | undefined,
  pageSize: number,
  page: ObjectInfo[],
): string | undefined {
  for (const key of table.keys((key) => isBefore(key, prefix, place, delimiter))) {
    if (page.length === pageSize || !key.startsWith(prefix)) return undefined;
    const group = groupOf(key, prefix, delimiter);
    if (group !== undefined) return group;
    page.push(infoOf(key, table.need(key)));
  }
  return undefined;
}

/** Whether a key lies before what is listed next: before the prefix, up to the last entry, or within the group that the last entry was. */
function isBefore(key: string, prefix: string, last: string | undefined, delimiter: string | undefined): boolean {
  if (last === undefined) return comparePaths(key, prefix) < 0;
  const inside = delimiter !== undefined && last.length > prefix.length && last.endsWith(delimiter) && key.startsWith(last);
  return inside || comparePaths(key, last) <= 0;
}

/** The group that a key belongs to: its path up to the first delimiter after the prefix. */
function groupOf(key: string, prefix: string, delimiter: string | undefined): string | undefined {
  if (delimiter === undefined) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}
