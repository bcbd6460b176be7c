import { randomUUID } from "node:crypto";
import {
  type CommitOptions,
  type DriverBody,
  type DriverWriteOptions,
  type ObjectInfo,
  OmniError,
  type StagedWrite,
} from "@omni/core";
import { armedOf, claim, disarm, homeOf, inTurn, newItem } from "./claim.ts";
import { hasCode, lookAt, removeFile } from "./file-system.ts";
import type { Layout, Place } from "./layout.ts";
import { publishPrepared } from "./publishing.ts";
import { findVersion, infoOf, infoOfSidecar, parseSidecar, readRecord, readSidecar, removeSidecar } from "./sidecar.ts";
import { type Prepared, prepare } from "./writing.ts";

/** What became of a staged write. */
type Standing =
  | { readonly state: "staged"; readonly prepared: Prepared }
  | { readonly state: "committed"; readonly info: ObjectInfo }
  | { readonly state: "gone" };

const TOKEN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Takes a body to the disk; the file's name is the token, and moving the file to its path uses the token up. */
export async function stage(
  layout: Layout,
  place: Place,
  body: DriverBody,
  options: DriverWriteOptions,
  ttlMs: number,
): Promise<StagedWrite> {
  const prepared = await prepare(layout, place, "stage", body, options);
  // The name must be on the disk before anybody writes the token down.
  await layout.settle(prepared.item.beside ? place.directory : layout.own("stage"));
  return handle(layout, place, prepared.item.id, { state: "staged", prepared }, ttlMs);
}

/** Finds a staged write by its token, in whatever process it was made. */
export async function resumeStage(layout: Layout, place: Place, token: string, ttlMs: number): Promise<StagedWrite> {
  return handle(layout, place, token, await find(layout, place, token), ttlMs);
}

function handle(layout: Layout, place: Place, token: string, standing: Standing, ttlMs: number): StagedWrite {
  let known = standing;
  return {
    token,
    state: standing.state,
    expiresAt: standing.state === "staged" ? new Date(Number(standing.prepared.stats.ctimeMs) + ttlMs) : undefined,
    async commit(options: CommitOptions = {}) {
      const info = await commit(layout, place, token, known, options);
      known = { state: "committed", info };
      return info;
    },
    async discard() {
      if (known.state === "committed") return;
      await discard(layout, place, token);
      known = { state: "gone" };
    },
  };
}

async function commit(layout: Layout, place: Place, token: string, known: Standing, options: CommitOptions): Promise<ObjectInfo> {
  let standing = known.state === "gone" ? await find(layout, place, token) : known;
  for (; ; standing = await find(layout, place, token)) {
    if (standing.state === "committed") return standing.info;
    if (standing.state === "gone")
      throw new OmniError("NOT_FOUND", { reason: "the staged write is gone: it was discarded or swept", outcome: "not-applied" });
    const { prepared } = standing;
    const given = options.ifMatch !== undefined || options.ifNoneMatch !== undefined;
    try {
      return await publishPrepared(layout, prepared, given ? options : (prepared.sidecar.conditions ?? {}), options.signal);
    } catch (error) {
      // Somebody else committed or discarded it.
      if (!OmniError.is(error, "UNAVAILABLE") || (await lookAt(homeOf(layout, prepared.item)))) throw error;
    }
  }
}

async function find(layout: Layout, place: Place, token: string): Promise<Standing> {
  // Anything else was never a token, and must not become a file name.
  if (!TOKEN.test(token) || !(await layout.exists())) return { state: "gone" };
  const item = newItem(place, "stage", token, await layout.isElsewhere(place.directory));
  const prepared = (await atHome(layout, item)) ?? (await inTurn(layout, place, () => afterOthers(layout, item)));
  if (prepared) return { state: "staged", prepared };
  const version = await findVersion(layout, place);
  if (version?.sidecar?.token === token) return { state: "committed", info: infoOf(place.path, version) };
  const text = await readRecord(`${layout.own("stage")}/${token}.done`);
  const used = text === undefined ? undefined : parseSidecar(text);
  return used?.path === place.path ? { state: "committed", info: infoOfSidecar(used) } : { state: "gone" };
}

async function atHome(layout: Layout, item: Prepared["item"]): Promise<Prepared | undefined> {
  const stats = await lookAt(homeOf(layout, item));
  const sidecar = stats && (await readSidecar(layout, item.place.key, stats));
  return stats && sidecar?.token === item.id ? { item, stats, sidecar } : undefined;
}

/** Looks again when no commit is under way, and one that a crash broke off has been put back. */
async function afterOthers(layout: Layout, item: Prepared["item"]): Promise<Prepared | undefined> {
  const look = newItem(item.place, "take", randomUUID(), false);
  await layout.ready();
  await claim(layout, look);
  try {
    return await atHome(layout, item);
  } finally {
    await disarm(layout, look);
  }
}

async function discard(layout: Layout, place: Place, token: string): Promise<void> {
  while (true) {
    const standing = await find(layout, place, token);
    if (standing.state !== "staged") return;
    const { item, stats } = standing.prepared;
    const done = await inTurn(layout, place, async () => {
      try {
        await claim(layout, item);
      } catch (error) {
        if (hasCode(error, "ENOENT")) return false;
        throw error;
      }
      // First its sidecar: while the file is there its inode number is not given to another.
      await removeSidecar(layout, place.key, stats);
      const removed = await removeFile(armedOf(layout, item));
      await disarm(layout, item);
      return removed;
    });
    if (done) return;
  }
}
