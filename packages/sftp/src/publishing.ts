import { OmniError } from "@omni/core";
import { hasStatus, isLost, STATUS, unless } from "./errors.ts";
import { directoryInTheWay, type Layout, parentOf } from "./layout.ts";
import type { Pool } from "./pool.ts";
import type { Session } from "./session.ts";

/** What is to be published. */
export interface Publication {
  readonly path: string;
  /** The file with the bytes; nobody else renames it. */
  readonly from: string;
  /** Only where nothing is. */
  readonly isCreate: boolean;
  /** Force the directory to the disk. */
  readonly fsync: boolean;
}

// How often the way is made anew when others remove it as empty.
const ROUNDS = 16;
// Connections that may be lost on the way.
const LOSSES = 2;

type Step = "done" | "way missing" | "file missing";

/** `taken`: after a lost answer the file is gone, by that rename unless others may rename it, too. `missing`: it was not there from the beginning. */
export type Published = "published" | "taken" | "missing";

/**
 * Renames a whole file to its path. When the connection is lost meanwhile, the file itself says on the next one what became of it: it is
 * still there = not renamed, and the rename is made again; it is gone = it was renamed.
 *
 * @throws OmniError ALREADY_EXISTS, INVALID_PATH; with outcome `unknown` when no further connection could tell
 */
export async function publish(pool: Pool, layout: Layout, publication: Publication): Promise<Published> {
  let losses = 0;
  let isWayNew = false;
  for (let round = 0; round < ROUNDS; round++) {
    const lease = await pool.take(undefined).catch((error) => {
      throw losses > 0 ? inDoubt(error) : error;
    });
    let step: Step;
    try {
      // Without the caller's signal: once asked for, the answer is waited for.
      step = await renameOnce(lease.session, layout, publication);
    } catch (error) {
      if (!isLost(error)) throw error;
      if (++losses > LOSSES) throw inDoubt(error);
      continue;
    } finally {
      lease.release();
    }
    if (step === "file missing" && losses === 0) return "missing";
    if (step !== "way missing") {
      if (publication.fsync) await settle(pool, directoriesOf(layout, publication.path, isWayNew));
      return step === "done" ? "published" : "taken";
    }
    isWayNew = true;
  }
  throw new OmniError("UNAVAILABLE", {
    reason: "others remove the directory again and again before the object is in it",
    outcome: "not-applied",
  });
}

async function renameOnce(session: Session, layout: Layout, publication: Publication): Promise<Step> {
  const { path, from, isCreate } = publication;
  const file = layout.fileOf(path);
  try {
    if (isCreate) await session.rename(from, file);
    else if (!(await session.replace(from, file))) await replaceWithoutExtension(session, from, file);
    return "done";
  } catch (error) {
    if (hasStatus(error, STATUS.NO_SUCH_FILE)) {
      if (!(await unless(session.look(from), STATUS.NO_SUCH_FILE))) return "file missing";
      await makeWayTo(session, layout, path);
      return "way missing";
    }
    if (!hasStatus(error, STATUS.FAILURE)) throw error;
    return explainFailure(session, layout, publication, error);
  }
}

async function makeWayTo(session: Session, layout: Layout, path: string): Promise<void> {
  const directory = parentOf(path);
  await layout.makeWay(session, path, directory === "" ? layout.root : `${layout.root}/${directory}`);
  await layout.checkWay(session, path);
}

/** The protocol's own rename refuses what is there, and a delete before it would show a moment without the object. */
async function replaceWithoutExtension(session: Session, from: string, file: string): Promise<void> {
  if (await unless(session.look(file), STATUS.NO_SUCH_FILE))
    throw new OmniError("NOT_SUPPORTED", {
      reason:
        "the server does not offer posix-rename@openssh.com, so it cannot replace an object in one step; delete the object first, or write under a new name",
      outcome: "not-applied",
    });
  await session.rename(from, file);
}

/** SFTP says only that it failed: what is at the path says why. */
async function explainFailure(
  session: Session,
  layout: Layout,
  { path, from, isCreate }: Publication,
  error: unknown,
): Promise<Step> {
  const file = layout.fileOf(path);
  const there = await unless(session.look(file), STATUS.NO_SUCH_FILE);
  if (there?.isDirectory()) {
    // An empty one holds no objects.
    try {
      await session.removeDirectory(file);
      return "way missing";
    } catch (reason) {
      if (hasStatus(reason, STATUS.NO_SUCH_FILE)) return "way missing";
      if (hasStatus(reason, STATUS.FAILURE)) throw directoryInTheWay(path);
      throw reason;
    }
  }
  if (isCreate && there) {
    // After a lost answer it may be this very file, renamed before.
    if (!(await unless(session.look(from), STATUS.NO_SUCH_FILE))) return "file missing";
    throw new OmniError("ALREADY_EXISTS", { outcome: "not-applied" });
  }
  if (isCreate) return "way missing"; // whatever was there is gone again: another round
  throw await reasonOf(session, layout, error);
}

/** What a bare failure means where bytes, names or directories were to be made. */
export async function reasonOf(session: Session, layout: Layout, error: unknown): Promise<unknown> {
  if (!hasStatus(error, STATUS.FAILURE)) return error;
  const isFull = await unless(session.isFull(layout.root === "" ? "/" : layout.root), STATUS.NO_SUCH_FILE, STATUS.FAILURE);
  if (!isFull) return error;
  return new OmniError("UNAVAILABLE", {
    reason: "the server's file system is full; free space, or run sweepStale()",
    retryable: false,
    outcome: "not-applied",
    cause: error,
  });
}

/** The directory of an object; and those above it when they were made for it, whose names stand in the next one. */
function directoriesOf(layout: Layout, path: string, isWayNew: boolean): string[] {
  const names = parentOf(path) === "" ? [] : parentOf(path).split("/");
  const all = [layout.root === "" ? "/" : layout.root, ...names.map((_, i) => `${layout.root}/${names.slice(0, i + 1).join("/")}`)];
  return isWayNew ? all : all.slice(-1);
}

async function settle(pool: Pool, directories: readonly string[]): Promise<void> {
  try {
    await pool.useTwice(undefined, (session) => syncDirectories(session, directories));
  } catch (error) {
    throw inDoubt(error);
  }
}

/** Forces directories to the disk, where the server lets them be opened (OpenSSH does). */
export async function syncDirectories(session: Session, directories: readonly string[]): Promise<void> {
  await Promise.all(directories.map((directory) => syncDirectory(session, directory)));
}

async function syncDirectory(session: Session, directory: string): Promise<void> {
  // Gone: removed with all that was in it. Refused: this server opens no directories.
  const handle = await unless(session.openToRead(directory), STATUS.NO_SUCH_FILE, STATUS.FAILURE, STATUS.PERMISSION_DENIED);
  if (!handle) return;
  try {
    await unless(session.sync(handle), STATUS.FAILURE, STATUS.OP_UNSUPPORTED);
  } finally {
    await session.closeHandle(handle);
  }
}

function inDoubt(cause: unknown): OmniError {
  return new OmniError("UNAVAILABLE", {
    reason:
      "the connection was lost while the object was being published, and no further one could tell whether it was; look at the object",
    outcome: "unknown",
    retryable: true,
    cause,
  });
}
