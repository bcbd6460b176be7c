// Calls that only some drivers have: on the others they are refused before any I/O.
import type { CallOptions, DeleteOptions } from "./backend.ts";
import { checkCallOptions, invalidArgument, notSupported, TAKES } from "./call-options.ts";
import type { MetadataChange, SignedUrl, SignUrlOptions, StagedWrite, StorageDriver } from "./driver.ts";
import type { Ability } from "./features.ts";
import type { ObjectInfo } from "./object-info.ts";
import { checkDirectory } from "./path.ts";
import type { Core } from "./runner.ts";
import { checkKept, guardStaged } from "./writing.ts";

function needs({ driver, features }: Core, ability: Ability): void {
  if (!features[ability]) throw notSupported(`${driver.scheme} has no ${ability}; ask supports("${ability}") before`);
}

/** Makes or removes a directory. */
export function directoryCall(core: Core, operation: "mkdir" | "rmdir", path: string, options?: CallOptions): Promise<void> {
  const { run, driver, maxPathBytes } = core;
  return run.call(
    operation,
    path,
    options,
    () => {
      checkDirectory(path, maxPathBytes);
      checkCallOptions(options, TAKES.call);
      needs(core, operation);
    },
    "changes",
    (signal) => (driver as Required<StorageDriver>)[operation](checkDirectory(path, maxPathBytes), { signal }),
  );
}

export function setMetadata(core: Core, path: string, change: MetadataChange, options?: DeleteOptions): Promise<ObjectInfo> {
  const { run, driver, features, check } = core;
  return run.call(
    "setMetadata",
    path,
    options,
    () => {
      check(path, options, TAKES.delete);
      checkCallOptions(change, TAKES.change);
      needs(core, "setMetadata");
      checkKept(features, driver.scheme, change);
      if (options?.ifMatch !== undefined && !features.conditional.replace)
        throw notSupported(`${driver.scheme} has no conditional setMetadata; leave ifMatch out`);
    },
    "changes",
    (signal) => (driver as Required<StorageDriver>).setMetadata(path, change, { ...options, signal }),
  );
}

export function signUrl(core: Core, path: string, options: SignUrlOptions): Promise<SignedUrl> {
  const { run, driver, check } = core;
  return run.call(
    "signUrl",
    path,
    options,
    () => {
      check(path, options, TAKES.sign);
      needs(core, "signUrl");
    },
    "reads",
    (signal) => (driver as Required<StorageDriver>).signUrl(path, { ...options, signal }),
  );
}

export function resumeStage(core: Core, path: string, token: string, options?: CallOptions): Promise<StagedWrite> {
  const { run, driver, check } = core;
  return run.call(
    "resumeStage",
    path,
    options,
    () => {
      check(path, options, TAKES.call);
      if (typeof token !== "string" || token === "") throw invalidArgument("a token is the string that stage() gave");
      needs(core, "resumeStage");
    },
    "reads",
    async (signal) => guardStaged(core, path, await (driver as Required<StorageDriver>).resumeStage(path, token, { signal })),
  );
}
