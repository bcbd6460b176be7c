import type { Backend, CallOptions, DeleteOptions } from "./backend.ts";
import { checkCallOptions, invalidArgument, notSupported, TAKES } from "./call-options.ts";
import { copyWithin, moveWithin } from "./copy-within.ts";
import { deleteMany } from "./delete-many.ts";
import type { StorageDriver } from "./driver.ts";
import { type Ability, completeFeatures, type Features } from "./features.ts";
import { listObjects } from "./list.ts";
import { checkDirectory, checkPath, checkPrefix, DEFAULT_MAX_PATH_BYTES } from "./path.ts";
import { openReader } from "./reading.ts";
import { type BackendSettings, type Core, Runner } from "./runner.ts";
import { checkKept, createWriter, guardStaged, prepare, publish, stage } from "./writing.ts";

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
  const check = (path: unknown, options: unknown, takes: ReadonlySet<string>): void => {
    checkPath(path, maxPathBytes, reserved);
    checkCallOptions(options, takes);
  };
  const needs = (ability: Ability): void => {
    if (!has(ability)) throw notSupported(`${driver.scheme} has no ${ability}; ask supports("${ability}") before`);
  };
  const core = { driver, features, run, check, reserved };

  const backend: Backend<D> = {
    features,
    driver,
    supports: has as Backend<D>["supports"],
    read: (path, options) => openReader(core, path, options),
    write: (path, body, options) => {
      const prepared = prepare(core, "write", path, body, options);
      return "error" in prepared ? Promise.reject(prepared.error) : publish(core, path, prepared);
    },
    createWriter: (path, options = {}) => createWriter(core, path, options),
    exists: (path, options) =>
      run.call(
        "exists",
        path,
        options,
        () => check(path, options, TAKES.call),
        "reads",
        async (signal) => {
          try {
            await driver.stat(path, { signal });
            return true;
          } catch (error) {
            if (run.wrap("exists", path)(error).code === "NOT_FOUND") return false;
            throw error;
          }
        },
      ),
    stat: (path, options) =>
      run.call(
        "stat",
        path,
        options,
        () => check(path, options, TAKES.call),
        "reads",
        (signal) => driver.stat(path, { signal }),
      ),
    delete: (path, options) =>
      run.call(
        "delete",
        path,
        options,
        () => {
          check(path, options, TAKES.delete);
          checkDeleteCondition(features, options);
        },
        "changes",
        (signal) => driver.delete(path, { ...options, signal }),
      ),
    deleteMany: (paths, options) =>
      run.call(
        "deleteMany",
        undefined,
        options,
        () => checkCallOptions(options, TAKES.call),
        "changes",
        (signal) => deleteMany(driver, paths, { signal }, (path) => checkPath(path, maxPathBytes, reserved), run),
      ),
    purge: (prefix, options) =>
      run.call(
        "purge",
        prefix,
        options,
        () => {
          checkPrefix(prefix, maxPathBytes, reserved);
          checkCallOptions(options, TAKES.call);
        },
        "changes",
        async (signal) => {
          if (features.live) throw notSupported(`${driver.scheme} paths are streams; there is nothing to purge`);
          const paths = (async function* () {
            for await (const info of listObjects(core, prefix, { signal })) yield info.path;
          })();
          return deleteMany(driver, paths, { signal }, () => {}, run);
        },
      ),
    list: (prefix = "", options = {}) => {
      run.checkOpen("list", prefix);
      return run.guard("list", prefix, () => {
        checkPrefix(prefix, maxPathBytes, reserved);
        checkCallOptions(options, TAKES.list);
        return listObjects(core, prefix, options);
      });
    },
    copy: (from, to, options) =>
      run.call(
        "copy",
        from,
        options,
        () => {
          check(from, options, TAKES.call);
          checkPath(to, maxPathBytes, reserved);
        },
        "changes",
        (signal) => copyWithin(core, from, to, signal),
      ),
    move: (from, to, options) =>
      run.call(
        "move",
        from,
        options,
        () => {
          check(from, options, TAKES.call);
          checkPath(to, maxPathBytes, reserved);
        },
        "changes",
        (signal) => moveWithin(core, from, to, signal),
      ),
    mkdir: (path, options) => directoryCall(core, "mkdir", path, options, maxPathBytes, needs),
    rmdir: (path, options) => directoryCall(core, "rmdir", path, options, maxPathBytes, needs),
    setMetadata: (path, change, options) =>
      run.call(
        "setMetadata",
        path,
        options,
        () => {
          check(path, options, TAKES.delete);
          checkCallOptions(change, TAKES.change);
          needs("setMetadata");
          checkKept(features, driver.scheme, change);
          if (options?.ifMatch !== undefined && !features.conditional.replace)
            throw notSupported(`${driver.scheme} has no conditional setMetadata; leave ifMatch out`);
        },
        "changes",
        (signal) => (driver as D & Required<StorageDriver>).setMetadata(path, change, { ...options, signal }),
      ),
    signUrl: (path, options = {}) =>
      run.call(
        "signUrl",
        path,
        options,
        () => {
          check(path, options, TAKES.sign);
          needs("signUrl");
        },
        "reads",
        (signal) => (driver as D & Required<StorageDriver>).signUrl(path, { ...options, signal }),
      ),
    stage: (path, body, options) => {
      const prepared = prepare(core, "stage", path, body, options);
      return "error" in prepared ? Promise.reject(prepared.error) : stage(core, path, prepared);
    },
    resumeStage: (path, token, options) =>
      run.call(
        "resumeStage",
        path,
        options,
        () => {
          check(path, options, TAKES.call);
          if (typeof token !== "string" || token === "") throw invalidArgument("a token is the string that stage() gave");
          needs("resumeStage");
        },
        "reads",
        async (signal) =>
          guardStaged(core, path, await (driver as D & Required<StorageDriver>).resumeStage(path, token, { signal })),
      ),
    close: () => run.close(),
    [Symbol.asyncDispose]: () => run.close(),
  };
  Object.defineProperties(backend, {
    [SETTINGS]: { value: settings },
    [Symbol.for("nodejs.util.inspect.custom")]: { value: () => `Backend(${driver.scheme})` },
  });
  return backend;
}

function checkDeleteCondition(features: Features, options: DeleteOptions | undefined): void {
  if (options?.ifMatch !== undefined && !features.conditional.delete)
    throw notSupported("this store has no conditional delete; leave ifMatch out");
}

async function directoryCall(
  { run, driver }: Core,
  operation: "mkdir" | "rmdir",
  path: string,
  options: CallOptions | undefined,
  maxPathBytes: number,
  needs: (ability: Ability) => void,
): Promise<void> {
  return run.call(
    operation,
    path,
    options,
    () => {
      checkDirectory(path, maxPathBytes);
      checkCallOptions(options, TAKES.call);
      needs(operation);
    },
    "changes",
    (signal) => (driver as Required<StorageDriver>)[operation](checkDirectory(path, maxPathBytes), { signal }),
  );
}
