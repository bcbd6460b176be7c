import { type DriverListOptions, layer, type ObjectInfo, OmniError, type StorageDriver } from "@omni/core";
import type { Group } from "./group.ts";
import { deleteWayOf, isMark, MARK_BYTES } from "./journal/deleting.ts";
import type { Member } from "./members.ts";
import { inOrder } from "./ordered.ts";

/** Objects of a mark's size that are asked about side by side. */
const SIDE_BY_SIDE = 16;

/**
 * The group as its readers see it: where an object was deleted a member may hold a mark in its place, and a mark is nothing.
 *
 * @param group as the journal sees it
 */
export function withoutMarks(group: Group): Group {
  return { ...group, members: group.members.map(hidingMarks) };
}

function hidingMarks(member: Member): Member {
  const { backend } = member;
  const way = deleteWayOf(backend);
  if (way === "fenced") return member;
  return { ...member, backend: layer(backend, (driver) => ({ ...reading(driver), ...(way === "kept" ? listing(driver) : {}) })) };
}

function reading(driver: StorageDriver): Pick<StorageDriver, "stat" | "read"> {
  return {
    async stat(path, options) {
      const info = await driver.stat(path, options);
      if (isMark(info)) throw new OmniError("NOT_FOUND");
      return info;
    },
    async read(path, options) {
      const opened = await driver.read(path, options);
      if (!isMark(opened.info)) return opened;
      // A mark is a few bytes: read to its end, it gives its connection back.
      for await (const _ of opened.body);
      throw new OmniError("NOT_FOUND");
    },
  };
}

/** Marks that stay are left out of listings; groups of paths are therefore formed here, so that none consists of marks alone. */
function listing(driver: StorageDriver): Pick<StorageDriver, "features" | "list"> {
  return { features: { ...driver.features, listDelimiter: false }, list: (prefix, options) => listed(driver, prefix, options) };
}

async function* listed(driver: StorageDriver, prefix: string, options: DriverListOptions): AsyncGenerator<ObjectInfo, void> {
  const found = driver.list(prefix, options);
  for await (const info of inOrder(found, SIDE_BY_SIDE, (each) => unlessMark(driver, each, options))) if (info) yield info;
}

async function unlessMark(driver: StorageDriver, info: ObjectInfo, { signal }: DriverListOptions): Promise<ObjectInfo | undefined> {
  if (info.isDirectory || info.size !== MARK_BYTES) return info;
  try {
    return isMark(await driver.stat(info.path, { signal })) ? undefined : info;
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}
