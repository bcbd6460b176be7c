import { type DriverRead, type DriverReadOptions, type ObjectInfo, OmniError } from "@omni/core";
import type { Attributes, Stats } from "ssh2";
import { SftpBody } from "./body.ts";
import { STATUS, unless } from "./errors.ts";
import type { Layout } from "./layout.ts";
import type { Lease, Pool } from "./pool.ts";
import type { Session } from "./session.ts";

/** What an object shows. Version 3 of the protocol has times in whole seconds, and neither an inode number nor a generation: there is no etag. */
export function infoOf(path: string, { size, mtime }: Pick<Attributes, "size" | "mtime">): ObjectInfo {
  return { path, size, modifiedAt: new Date(mtime * 1000) };
}

/** Looks at an object. `undefined` when nothing, or no regular file, is there. @throws OmniError INVALID_PATH for a way through a link */
export async function lookAt(session: Session, layout: Layout, path: string): Promise<Stats | undefined> {
  const file = layout.fileOf(path);
  const [isThere, stats] = await Promise.all([layout.checkWay(session, path), unless(session.look(file), STATUS.NO_SUCH_FILE)]);
  return isThere && stats?.isFile() ? stats : undefined;
}

/** Opens an object; once more when the connection turns out to be lost. */
export async function readObject(pool: Pool, layout: Layout, path: string, options: DriverReadOptions): Promise<DriverRead> {
  const { signal, offset = 0, limit = Number.POSITIVE_INFINITY } = options;
  const { lease, handle, stats } = await openTwice(pool, layout, path, signal);
  const bytes = Math.max(0, Math.min(limit, stats.size - offset));
  return { info: infoOf(path, stats), body: new SftpBody(lease, handle, offset, bytes, signal) };
}

interface Opened {
  readonly lease: Lease;
  readonly handle: Buffer;
  readonly stats: Stats;
}

async function openTwice(pool: Pool, layout: Layout, path: string, signal: AbortSignal | undefined): Promise<Opened> {
  const first = await pool.take(signal);
  try {
    return await openOn(first, layout, path, signal);
  } catch (error) {
    if (first.session.isOpen || signal?.aborted) throw error;
  }
  return openOn(await pool.take(signal), layout, path, signal);
}

async function openOn(lease: Lease, layout: Layout, path: string, signal: AbortSignal | undefined): Promise<Opened> {
  const { session } = lease;
  let handle: Buffer | undefined;
  try {
    // Looked at first: opening a pipe would make the server wait for its other end.
    if (!(await lookAt(session, layout, path))) throw new OmniError("NOT_FOUND");
    handle = await session.openToRead(layout.fileOf(path));
    const stats = await session.lookOpen(handle);
    signal?.throwIfAborted();
    return { lease, handle, stats };
  } catch (error) {
    if (handle) session.closeHandle(handle).catch(() => {}); // the first error says more
    lease.release();
    throw error;
  }
}
