import type { CallOptions, DeleteOptions, DeleteReport, ListOptions } from "./backend.ts";
import { checkCallOptions, notSupported, TAKES } from "./call-options.ts";
import { copyWithin, moveWithin } from "./copy-within.ts";
import { deleteMany } from "./delete-many.ts";
import { listObjects } from "./list.ts";
import type { ObjectInfo } from "./object-info.ts";
import { checkPath, checkPrefix } from "./path.ts";
import type { Core } from "./runner.ts";

export function exists({ driver, run, check }: Core, path: string, options?: CallOptions): Promise<boolean> {
  return run.call(
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
  );
}

export function stat({ driver, run, check }: Core, path: string, options?: CallOptions): Promise<ObjectInfo> {
  return run.call(
    "stat",
    path,
    options,
    () => check(path, options, TAKES.call),
    "reads",
    (signal) => driver.stat(path, { signal }),
  );
}

export function list(core: Core, prefix: string, options: ListOptions): AsyncIterable<ObjectInfo> {
  const { run, maxPathBytes, reserved } = core;
  run.checkOpen("list", prefix);
  return run.guard("list", prefix, () => {
    checkPrefix(prefix, maxPathBytes, reserved);
    checkCallOptions(options, TAKES.list);
    return listObjects(core, prefix, options);
  });
}

export function deleteOne({ driver, features, run, check }: Core, path: string, options?: DeleteOptions): Promise<void> {
  return run.call(
    "delete",
    path,
    options,
    () => {
      check(path, options, TAKES.delete);
      if (options?.ifMatch !== undefined && !features.conditional.delete)
        throw notSupported("this store has no conditional delete; leave ifMatch out");
    },
    "changes",
    (signal) => driver.delete(path, { ...options, signal }),
  );
}

export function deletePaths(
  { driver, run, maxPathBytes, reserved }: Core,
  paths: Iterable<string> | AsyncIterable<string>,
  options?: CallOptions,
): Promise<DeleteReport> {
  return run.call(
    "deleteMany",
    undefined,
    options,
    () => checkCallOptions(options, TAKES.call),
    "changes",
    (signal) => deleteMany(driver, paths, { signal }, (path) => checkPath(path, maxPathBytes, reserved), run),
  );
}

export function purge(core: Core, prefix: string, options?: CallOptions): Promise<DeleteReport> {
  const { driver, features, run, maxPathBytes, reserved } = core;
  return run.call(
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
  );
}

/** Copies or moves. */
export function relocate(
  core: Core,
  operation: "copy" | "move",
  from: string,
  to: string,
  options?: CallOptions,
): Promise<ObjectInfo> {
  const { run, check, maxPathBytes, reserved } = core;
  return run.call(
    operation,
    from,
    options,
    () => {
      check(from, options, TAKES.call);
      checkPath(to, maxPathBytes, reserved);
    },
    "changes",
    (signal) => (operation === "copy" ? copyWithin : moveWithin)(core, from, to, signal),
  );
}
