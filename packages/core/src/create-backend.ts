import type { Backend } from "./backend.ts";
import { checkCallOptions } from "./call-options.ts";
import type { StorageDriver } from "./driver.ts";
import { type Ability, completeFeatures } from "./features.ts";
import { deleteOne, deletePaths, exists, list, purge, relocate, stat } from "./object-calls.ts";
import { directoryCall, resumeStage, setMetadata, signUrl } from "./optional-calls.ts";
import { checkPath, DEFAULT_MAX_PATH_BYTES } from "./path.ts";
import { openReader } from "./reading.ts";
import { type BackendSettings, type Core, Runner } from "./runner.ts";
import { createWriter, stage, write } from "./writing.ts";

/** The settings that a backend was made with, and what was added by `extend`: layers hand both on. */
export const SETTINGS: unique symbol = Symbol.for("@omni/core/settings@1");

/**
 * Makes the complete {@link Backend} over a small driver. Checks, closed state, error wrapping, deadlines, conversions and fallbacks live here,
 * once for every store.
 *
 * @param driver the adapter
 * @param settings clock and access to reserved paths
 */
export function createBackend<D extends StorageDriver>(driver: D, settings: BackendSettings = {}): Backend<D> {
  const has = (ability: Ability): boolean => typeof driver[ability] === "function";
  const features = completeFeatures(driver.features, has);
  const run = new Runner(driver, settings);
  const maxPathBytes = features.maxPathBytes ?? DEFAULT_MAX_PATH_BYTES;
  const reserved = settings.reserved ?? false;
  const check: Core["check"] = (path, options, takes) => {
    checkPath(path, maxPathBytes, reserved);
    checkCallOptions(options, takes);
  };
  const core: Core = { driver, features, run, check, reserved, maxPathBytes };
  const backend: Backend<D> = {
    features,
    driver,
    supports: has as Backend<D>["supports"],
    read: (path, options) => openReader(core, path, options),
    write: (path, body, options) => write(core, path, body, options),
    createWriter: (path, options = {}) => createWriter(core, path, options),
    exists: (path, options) => exists(core, path, options),
    stat: (path, options) => stat(core, path, options),
    delete: (path, options) => deleteOne(core, path, options),
    deleteMany: (paths, options) => deletePaths(core, paths, options),
    purge: (prefix, options) => purge(core, prefix, options),
    list: (prefix = "", options = {}) => list(core, prefix, options),
    copy: (from, to, options) => relocate(core, "copy", from, to, options),
    move: (from, to, options) => relocate(core, "move", from, to, options),
    mkdir: (path, options) => directoryCall(core, "mkdir", path, options),
    rmdir: (path, options) => directoryCall(core, "rmdir", path, options),
    setMetadata: (path, change, options) => setMetadata(core, path, change, options),
    signUrl: (path, options = {}) => signUrl(core, path, options),
    stage: (path, body, options) => stage(core, path, body, options),
    resumeStage: (path, token, options) => resumeStage(core, path, token, options),
    close: () => run.close(),
    [Symbol.asyncDispose]: () => run.close(),
  };
  Object.defineProperties(backend, {
    [SETTINGS]: { value: settings },
    [Symbol.for("nodejs.util.inspect.custom")]: { value: () => `Backend(${driver.scheme})` },
  });
  return backend;
}
