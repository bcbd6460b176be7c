import { rmdir } from "node:fs/promises";
import { OmniError, type StorageDriver, type Supporting, silentLogger } from "@omni/core";
import { changeMetadata } from "./changing.ts";
import { copyObject, moveObject } from "./copying.ts";
import { classifyError } from "./errors.ts";
import { hasCode } from "./file-system.ts";
import { identityOf, type Kernel, Layout, type Place } from "./layout.ts";
import { listObjects } from "./listing.ts";
import type { CheckedOptions } from "./options.ts";
import { checkEarly, publishPrepared, remove } from "./publishing.ts";
import { readObject } from "./reading.ts";
import { findVersion, infoOf } from "./sidecar.ts";
import { resumeStage, stage } from "./staging.ts";
import { type Ages, isSweepDue, type SweepOptions, type SweepReport, sweepSidecars, sweepTemporary } from "./sweeping.ts";
import { discardPrepared, prepare } from "./writing.ts";

/** A {@link StorageDriver} over a directory, with what only it has. */
export type FileDriver = StorageDriver & Supporting<FileAbility> & Sweeping;

type FileAbility = "stage" | "resumeStage" | "copy" | "move" | "mkdir" | "rmdir" | "setMetadata";

interface Sweeping {
  /**
   * Removes what crashed or stopped processes left behind: claims, temporary files, staged writes past their time, metadata without its object.
   *
   * @param options which age, and which tokens to keep
   */
  sweepStale(options?: SweepOptions): Promise<SweepReport>;
}

/**
 * Makes the driver; touches nothing before its first call.
 *
 * @param kernel what tests answer in the kernel's place
 */
export function fileDriver(options: CheckedOptions, kernel: Kernel = {}): FileDriver {
  const { root, fsync, stageTtlMs, sweepAfterMs, logger = silentLogger } = options;
  const layout = new Layout(root, fsync, kernel);
  let background: Promise<void> | undefined;

  /** Where a change goes. */
  const placeToChange = async (path: string): Promise<Place> => {
    await layout.ready();
    background ??= sweepByItself();
    const place = layout.place(path);
    await layout.checkWay(place);
    return place;
  };
  /** Where something is that must be there. */
  const placeToFind = async (path: string): Promise<Place> => {
    if (!(await layout.exists())) throw new OmniError("NOT_FOUND");
    return layout.place(path);
  };
  const ages = ({ olderThanMs, keepTokens, signal }: SweepOptions): Ages => ({
    temporaryMs: olderThanMs ?? sweepAfterMs,
    stagedMs: olderThanMs ?? stageTtlMs,
    keepTokens: new Set(keepTokens),
    signal,
  });
  const sweepByItself = async (): Promise<void> => {
    try {
      if (sweepAfterMs === 0 || !(await isSweepDue(layout))) return;
      logger.debug({ root: layout.root, ...(await sweepTemporary(layout, ages({}))) }, "swept");
    } catch (error) {
      // Nobody waits for it, and the next one finds the same files.
      logger.warn({ root: layout.root, error }, "sweep failed");
    }
  };

  return {
    scheme: "file",
    identity: identityOf(root),
    features: {
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
      stagedWrite: "durable",
      // Also without fsync: it outlives the process. Power failure is another matter, which no value of this feature but "store" covers.
      durable: "host",
    },
    classifyError,
    async read(path, options) {
      return readObject(layout, await placeToFind(path), options);
    },
    async write(path, body, options) {
      const place = await placeToChange(path);
      await checkEarly(layout, place, options);
      const prepared = await prepare(layout, place, "write", body, options);
      try {
        return await publishPrepared(layout, prepared, options, options.signal);
      } catch (error) {
        await discardPrepared(layout, prepared);
        throw error;
      }
    },
    async stat(path) {
      const place = await placeToFind(path);
      const [version] = await Promise.all([findVersion(layout, place), layout.checkWay(place)]);
      if (!version) throw new OmniError("NOT_FOUND");
      return infoOf(path, version);
    },
    list: (prefix, options) => listObjects(layout, prefix, options),
    async delete(path, { ifMatch, signal }) {
      await remove(layout, await placeToChange(path), { ifMatch }, signal);
    },
    async stage(path, body, options) {
      return stage(layout, await placeToChange(path), body, options, stageTtlMs);
    },
    async resumeStage(path, token) {
      return resumeStage(layout, await placeToChange(path), token, stageTtlMs);
    },
    async copy(from, to, { signal }) {
      return copyObject(layout, await placeToChange(from), await placeToChange(to), signal);
    },
    async move(from, to, { signal }) {
      return moveObject(layout, await placeToChange(from), await placeToChange(to), signal);
    },
    async setMetadata(path, change, { ifMatch, signal }) {
      return changeMetadata(layout, await placeToChange(path), change, ifMatch, signal);
    },
    async mkdir(path) {
      const { target } = await placeToChange(path);
      await layout.makeWay(path, target);
    },
    async rmdir(path) {
      const { target } = await placeToChange(path);
      try {
        await rmdir(target);
      } catch (error) {
        if (hasCode(error, "ENOTDIR"))
          throw new OmniError("INVALID_PATH", {
            reason: "an object, not a directory, has this name; delete() removes it",
            outcome: "not-applied",
          });
        if (!hasCode(error, "ENOENT")) throw error;
      }
    },
    async sweepStale(sweepOptions = {}) {
      await layout.ready();
      const temporary = await sweepTemporary(layout, ages(sweepOptions));
      return { ...temporary, sidecars: await sweepSidecars(layout, ages(sweepOptions)) };
    },
    async close() {
      await background;
    },
  };
}
