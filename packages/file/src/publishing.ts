import { randomUUID } from "node:crypto";
import { rmdir } from "node:fs/promises";
import { type ObjectInfo, OmniError, type WriteConditions } from "@omni/core";
import { claim, disarm, homeOf, inTurn, newItem, publish, take } from "./claim.ts";
import { hasCode, lookAt, removeFile, succeeds } from "./file-system.ts";
import { directoryInTheWay, type Layout, type Place } from "./layout.ts";
import { etagOf, findVersion, infoOf, removeSidecar, type Version, writeRecord } from "./sidecar.ts";
import { overtaken, type Prepared } from "./writing.ts";

/**
 * Publishes a prepared version under its conditions. A failure leaves the prepared file where it waited.
 *
 * @throws OmniError ALREADY_EXISTS, PRECONDITION_FAILED, INVALID_PATH
 */
export async function publishPrepared(
  layout: Layout,
  prepared: Prepared,
  conditions: WriteConditions,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo> {
  const { item, stats, sidecar } = prepared;
  const { place } = item;
  const replaced = await inTurn(layout, place, async () => {
    while (true) {
      await atHome(claim(layout, item, signal));
      try {
        const before = await findVersion(layout, place);
        checkConditions(before, conditions);
        if (before) await rememberStaged(layout, before);
        await publish(layout, item, conditions.ifNoneMatch !== undefined);
        return before;
      } catch (error) {
        await disarm(layout, item);
        if (hasCode(error, "EEXIST") && (await isMine(prepared))) {
          await removeFile(homeOf(layout, item));
          return undefined;
        }
        if (!(await makeRoom(layout, prepared, error))) throw error;
      }
    }
  });
  await layout.settle(place.directory);
  if (replaced && replaced.stats.ino !== stats.ino) await removeSidecar(layout, place.key, replaced.stats);
  return infoOf(place.path, { stats, sidecar });
}

/**
 * Says early that a write cannot succeed, before its body is read and written. Whether it can is decided when it is published.
 *
 * @throws OmniError ALREADY_EXISTS, PRECONDITION_FAILED
 */
export async function checkEarly(layout: Layout, place: Place, conditions: WriteConditions): Promise<void> {
  if (conditions.ifMatch === undefined && conditions.ifNoneMatch === undefined) return;
  checkConditions(await findVersion(layout, place), conditions);
}

/** An item whose file is not where it waits was swept. */
async function atHome(claimed: Promise<void>): Promise<void> {
  try {
    await claimed;
  } catch (error) {
    throw hasCode(error, "ENOENT") ? overtaken() : error;
  }
}

/** Whether the object that is there is the prepared one: an exclusive link that was made although its answer was lost. */
async function isMine({ item, stats }: Prepared): Promise<boolean> {
  const there = await lookAt(item.place.target);
  return there !== undefined && there.ino === stats.ino && there.birthtimeNs === stats.birthtimeNs;
}

/** Removes what kept a version from its path, if it can be removed. @returns whether to try again */
async function makeRoom(layout: Layout, { item }: Prepared, error: unknown): Promise<boolean> {
  const { path, target, directory } = item.place;
  if (hasCode(error, "EXDEV")) {
    layout.forgetDevices();
    throw new OmniError("UNAVAILABLE", {
      path,
      reason: "another device was mounted there meanwhile; write again",
      outcome: "not-applied",
    });
  }
  if (hasCode(error, "ENOENT", "ENOTDIR")) {
    // Either the claim was taken away, and the next one is made; or the directory is not there.
    await layout.makeWay(path, directory);
    return (await lookAt(homeOf(layout, item))) !== undefined;
  }
  if (hasCode(error, "EISDIR", "ENOTEMPTY", "EEXIST", "EPERM") && (await lookAt(target))?.isDirectory()) {
    if (await succeeds(rmdir(target), "ENOTEMPTY", "EEXIST")) return true;
    throw directoryInTheWay(path);
  }
  if (hasCode(error, "EEXIST")) throw new OmniError("ALREADY_EXISTS", { outcome: "not-applied" });
  return false;
}

function checkConditions(before: Version | undefined, { ifNoneMatch, ifMatch }: WriteConditions): void {
  if (ifNoneMatch !== undefined && before) throw new OmniError("ALREADY_EXISTS", { outcome: "not-applied" });
  checkMatch(before, ifMatch);
}

/** @throws OmniError PRECONDITION_FAILED */
export function checkMatch(before: Version | undefined, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && (!before || etagOf(before) !== ifMatch))
    throw new OmniError("PRECONDITION_FAILED", { outcome: "not-applied" });
}

/** Before the version of a staged write goes, its token is noted as used: who asks later must not hear that it never came. */
async function rememberStaged(layout: Layout, { sidecar }: Version): Promise<void> {
  if (sidecar?.token === undefined) return;
  await succeeds(writeRecord(`${layout.own("stage")}/${sidecar.token}.done`, JSON.stringify(sidecar), layout.fsync), "EEXIST");
  await layout.settle(layout.own("stage"));
}

/** Which version a deletion is meant for. */
export interface Expected {
  readonly ifMatch?: string | undefined;
  /** Only this inode: what was moved away, not what came since. */
  readonly only?: Version | undefined;
  /** The inode of `only` has another path by now, which changed its ctime; no byte is lost with this one. @default false */
  readonly linked?: boolean | undefined;
}

/**
 * Deletes an object; a missing one is no error.
 *
 * @returns whether it did
 * @throws OmniError PRECONDITION_FAILED
 */
export async function remove(
  layout: Layout,
  place: Place,
  { ifMatch, only, linked = false }: Expected,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const item = newItem(place, "take", randomUUID(), await layout.isElsewhere(place.directory));
  const removed = await inTurn(layout, place, async () => {
    while (true) {
      if (ifMatch === undefined && !(await lookAt(place.target))) return undefined;
      await claim(layout, item, signal);
      try {
        const before = await findVersion(layout, place);
        checkMatch(before, ifMatch);
        if (!before || (only && !(linked ? isInodeOf(before, only) : isVersion(before, only)))) {
          await disarm(layout, item);
          return undefined;
        }
        await rememberStaged(layout, before);
        await take(layout, item, place.target);
        return before;
      } catch (error) {
        await disarm(layout, item);
        // The claim was taken away, or another program deleted the file.
        if (!hasCode(error, "ENOENT")) throw error;
      }
    }
  });
  if (!removed) return false;
  await layout.settle(place.directory);
  await removeSidecar(layout, place.key, removed.stats);
  await layout.prune(place.directory);
  return true;
}

/** The same inode with the same metadata, whatever its ctime: a file of another program has no etag but what the kernel knows of it. */
function isInodeOf(found: Version, wanted: Version): boolean {
  return (
    found.stats.ino === wanted.stats.ino &&
    found.stats.birthtimeNs === wanted.stats.birthtimeNs &&
    found.sidecar?.etag === wanted.sidecar?.etag
  );
}

export function isVersion(found: Version, wanted: Version): boolean {
  return (
    found.stats.ino === wanted.stats.ino && found.stats.birthtimeNs === wanted.stats.birthtimeNs && etagOf(found) === etagOf(wanted)
  );
}
