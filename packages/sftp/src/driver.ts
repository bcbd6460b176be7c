import { type Clock, OmniError, type StorageDriver, type Supporting, systemClock } from "@omni/core";
import { classifyError, hasStatus, STATUS, unless } from "./errors.ts";
import { Layout } from "./layout.ts";
import { listObjects } from "./listing.ts";
import type { CheckedOptions } from "./options.ts";
import { Pool } from "./pool.ts";
import { infoOf, lookAt, readObject } from "./reading.ts";
import { moveObject, removeObject } from "./removing.ts";
import { resumeStage, stage } from "./staging.ts";
import { type SweepOptions, type SweepReport, sweepStale } from "./sweeping.ts";
import { secondsOf, type Tools, writeObject } from "./writing.ts";

/** A {@link StorageDriver} over SFTP, with what only it has. */
export type SftpDriver = StorageDriver &
  Supporting<"stage" | "resumeStage" | "move" | "mkdir" | "rmdir" | "setMetadata"> &
  Sweeping;

interface Sweeping {
  /**
   * Removes what crashed or stopped processes left behind: temporary files, staged writes past their time, notes of used tokens.
   *
   * @param options which age, and which tokens to keep
   */
  sweepStale(options?: SweepOptions): Promise<SweepReport>;
}

/** Makes the driver; connects at its first call. */
export function sftpDriver(options: CheckedOptions, clock: Clock = systemClock): SftpDriver {
  const pool = new Pool(options);
  const layout = new Layout(options);
  const tools: Tools = { pool, layout, options, clock };
  const { username, host, port, root } = options;
  return {
    scheme: "sftp",
    // What stands behind the bar is the place within the store: one root may be seen to lie within another.
    identity: `sftp:${encodeURIComponent(username)}@${host.toLowerCase()}:${port}|${encodeURI(`${root}/`).replaceAll("#", "%23")}`,
    features: {
      canStream: true,
      rangeRead: true,
      listPrefix: true,
      listDelimiter: true,
      listStartAfter: true,
      sortedList: true,
      setModTime: true,
      modTimePrecisionMs: 1000,
      // Neither an inode number nor a generation is to be had: a version cannot be told from another, nor tied to a record beside it.
      conditional: { create: true, replace: false, delete: false },
      stagedWrite: "durable",
      durable: "host",
    },
    classifyError,
    read: (path, readOptions) => readObject(pool, layout, path, readOptions),
    write: (path, body, writeOptions) => writeObject(tools, path, body, writeOptions),
    async stat(path, { signal }) {
      const stats = await pool.useTwice(signal, (session) => lookAt(session, layout, path));
      if (!stats) throw new OmniError("NOT_FOUND");
      return infoOf(path, stats);
    },
    list: (prefix, listOptions) => listObjects(pool, layout, prefix, listOptions),
    delete: (path, { signal }) => removeObject(tools, path, signal),
    stage: (path, body, writeOptions) => stage(tools, path, body, writeOptions),
    resumeStage: (path, token, { signal }) => resumeStage(tools, path, token, signal),
    move: (from, to, { signal }) => moveObject(tools, from, to, signal),
    async setMetadata(path, { modifiedAt }, { signal }) {
      const mtime = modifiedAt && secondsOf(modifiedAt);
      return pool.useTwice(signal, async (session) => {
        const stats = await lookAt(session, layout, path);
        if (!stats) throw new OmniError("NOT_FOUND", { outcome: "not-applied" });
        if (mtime === undefined) return infoOf(path, stats);
        await session.setAttributes(layout.fileOf(path), { mtime, atime: stats.atime });
        return infoOf(path, { size: stats.size, mtime });
      });
    },
    async mkdir(path, { signal }) {
      const directory = layout.fileOf(path);
      await pool.useTwice(signal, async (session) => {
        await layout.checkWay(session, `${path}/x`);
        await layout.makeWay(session, path, directory);
      });
    },
    async rmdir(path, { signal }) {
      const directory = layout.fileOf(path);
      await pool.useTwice(signal, async (session) => {
        await layout.checkWay(session, path);
        try {
          await session.removeDirectory(directory);
        } catch (error) {
          if (hasStatus(error, STATUS.NO_SUCH_FILE) && !(await isFile(path, session))) return;
          if (hasStatus(error, STATUS.FAILURE) || hasStatus(error, STATUS.NO_SUCH_FILE))
            throw await whyItStays(path, session, error);
          throw error;
        }
      });
    },
    sweepStale: (sweepOptions = {}) => sweepStale(tools, sweepOptions),
    close: () => pool.close(),
  };

  async function isFile(path: string, session: Parameters<typeof lookAt>[0]): Promise<boolean> {
    return (await lookAt(session, layout, path)) !== undefined;
  }

  async function whyItStays(path: string, session: Parameters<typeof lookAt>[0], error: unknown): Promise<unknown> {
    const there = await unless(session.look(layout.fileOf(path)), STATUS.NO_SUCH_FILE);
    if (there && !there.isDirectory())
      return new OmniError("INVALID_PATH", {
        reason: "an object, not a directory, has this name; delete() removes it",
        outcome: "not-applied",
      });
    const entries = await unless(session.entries(layout.fileOf(path)), STATUS.NO_SUCH_FILE);
    if (!entries?.some(({ filename }) => filename !== "." && filename !== "..")) return error;
    return new OmniError("PRECONDITION_FAILED", {
      reason: "the directory is not empty; delete what is in it first (purge)",
      outcome: "not-applied",
    });
  }
}
