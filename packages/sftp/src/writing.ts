import { type Clock, type DriverBody, type DriverWriteOptions, type ObjectInfo, OmniError } from "@omni/core";
import { writeBody } from "./body.ts";
import { hasStatus, isLost, STATUS } from "./errors.ts";
import { type Layout, newName, type Own } from "./layout.ts";
import type { CheckedOptions } from "./options.ts";
import type { Pool } from "./pool.ts";
import { publish, reasonOf } from "./publishing.ts";
import { infoOf, lookAt } from "./reading.ts";
import type { Session } from "./session.ts";

/** What the parts of the driver share. */
export interface Tools {
  readonly pool: Pool;
  readonly layout: Layout;
  readonly options: CheckedOptions;
  readonly clock: Clock;
}

/** A file with all bytes of a write, without a path of its own yet. */
export interface Uploaded {
  readonly file: string;
  readonly size: number;
  readonly mtime: number;
}

/** Uploads a body under a temporary name, then renames it to its path. */
export async function writeObject(tools: Tools, path: string, body: DriverBody, options: DriverWriteOptions): Promise<ObjectInfo> {
  const { pool, layout, clock } = tools;
  const { signal, ifNoneMatch } = options;
  await checkBefore(tools, path, options);
  const uploaded = await upload(tools, "tmp", newName(clock.now()), path, body, options);
  try {
    signal?.throwIfAborted();
    const publication = { path, from: uploaded.file, isCreate: ifNoneMatch === "*", fsync: tools.options.fsync };
    if ((await publish(pool, layout, publication)) === "missing") throw overtaken();
    return infoOf(path, uploaded);
  } catch (error) {
    // In doubt the file stays: it tells what became of the rename.
    if (!(OmniError.is(error) && error.outcome === "unknown")) await discardFile(pool, uploaded.file);
    throw error;
  }
}

/** Refuses before the bytes are sent what would be refused after. */
export async function checkBefore(
  { pool, layout }: Tools,
  path: string,
  { signal, ifNoneMatch }: DriverWriteOptions,
): Promise<void> {
  layout.fileOf(path);
  const there = await pool.useTwice(signal, async (session) =>
    ifNoneMatch === "*" ? lookAt(session, layout, path) : void (await layout.checkWay(session, path)),
  );
  if (there) throw new OmniError("ALREADY_EXISTS", { outcome: "not-applied" });
}

/** Takes a body to the server. Bytes that are at hand are sent once more when the connection is lost; a stream cannot be. */
export async function upload(
  tools: Tools,
  kind: Own,
  name: string,
  path: string,
  body: DriverBody,
  options: DriverWriteOptions,
): Promise<Uploaded> {
  const { pool, layout, clock } = tools;
  const send = async (file: string): Promise<Uploaded> => {
    // Not raced with the signal: core ends the body, and what was begun is taken away before the call ends.
    const lease = await pool.take(options.signal);
    try {
      return await fill(lease.session, tools, file, path, body, options);
    } finally {
      lease.release();
    }
  };
  try {
    return await send(`${layout.own(kind)}/${name}`);
  } catch (error) {
    if (!isLost(error) || options.signal?.aborted) throw error;
    if (!(body instanceof Uint8Array) || kind !== "tmp") throw lostUpload(error);
  }
  return send(`${layout.own(kind)}/${newName(clock.now())}`);
}

async function fill(
  session: Session,
  { layout, options, clock }: Tools,
  file: string,
  path: string,
  body: DriverBody,
  { signal, modifiedAt }: DriverWriteOptions,
): Promise<Uploaded> {
  const handle = await openFresh(session, layout, file, path);
  let isOpen = true;
  try {
    const size = await writeBody(session, handle, body, signal);
    signal?.throwIfAborted();
    const mtime = modifiedAt === undefined ? undefined : secondsOf(modifiedAt);
    if (mtime !== undefined || options.fileMode !== undefined)
      await session.setAttributesOpen(handle, {
        ...(options.fileMode === undefined ? {} : { mode: options.fileMode }),
        ...(mtime === undefined ? {} : { mtime, atime: Math.floor(clock.now() / 1000) }),
      });
    const shown = mtime === undefined ? (await session.lookOpen(handle)).mtime : mtime;
    if (options.fsync) await session.sync(handle);
    isOpen = false;
    await session.closeHandle(handle);
    return { file, size, mtime: shown };
  } catch (error) {
    if (!session.isOpen) throw error;
    // The first error says more than one of these, and sweepStale finds the file.
    if (isOpen) await session.closeHandle(handle).catch(() => {});
    await session.unlink(file).catch(() => {});
    throw await reasonOf(session, layout, error);
  }
}

async function openFresh(session: Session, layout: Layout, file: string, path: string): Promise<Buffer> {
  try {
    return await session.openNew(file);
  } catch (error) {
    if (!hasStatus(error, STATUS.NO_SUCH_FILE)) throw await reasonOf(session, layout, error);
    await layout.makeWay(session, path, file.slice(0, file.lastIndexOf("/")));
    return session.openNew(file);
  }
}

/** Seconds since the epoch, as the protocol has them. @throws OmniError INVALID_ARGUMENT before 1970 and after 2106 */
export function secondsOf(time: Date): number {
  const seconds = Math.floor(time.getTime() / 1000);
  if (seconds < 0 || seconds > 0xffff_ffff)
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `SFTP keeps times from 1970 to 2106, not ${time.toISOString()}; give another modifiedAt, or none`,
      outcome: "not-applied",
    });
  return seconds;
}

/** Removes the temporary file of a write that failed. */
async function discardFile(pool: Pool, file: string): Promise<void> {
  // The write's own error says more, and sweepStale finds the file.
  await pool.use(undefined, (session) => session.unlink(file)).catch(() => {});
}

function lostUpload(cause: unknown): OmniError {
  return new OmniError("UNAVAILABLE", {
    reason: "the connection was lost while the bytes were sent; nothing was published. Write again",
    outcome: "not-applied",
    retryable: true,
    cause,
  });
}

/** Bytes that are gone: their temporary file was removed while the write stood still. */
function overtaken(): OmniError {
  return new OmniError("UNAVAILABLE", {
    reason: "the temporary file of the write was removed meanwhile; give sweepStale an age that is longer than the longest write",
    outcome: "not-applied",
  });
}
