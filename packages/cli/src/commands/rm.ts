import { type Backend, OmniError } from "@omni/core";
import type { Context, Run } from "../command.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import { countOf, formatBytes } from "../output/format.ts";
import { folderAt, isFolder, nothingAt, urlOf } from "../places.ts";
import type { StoreTarget } from "../targets.ts";
import type { RM_OPTIONS } from "./stores.ts";

/** `omni rm`. */
export const run: Run<OptionsOf<typeof RM_OPTIONS>> = async (context, places, { recursive, force }) => {
  let code: ExitCode = EXIT_CODES.CLEAN;
  for (const text of places) {
    const targets = await context.targets();
    const target = await targets.store(text);
    if (recursive && (isFolder(target) || !(await target.backend.exists(target.path, { signal: context.signal })))) {
      if ((await removeFolder(context, await folderAt(targets, text), text, force === true)) > 0) code = EXIT_CODES.FAILED;
    } else await removeObject(context, target, text, force === true);
  }
  return code;
};

async function removeObject({ out, signal, dryRun }: Context, target: StoreTarget, text: string, force: boolean): Promise<void> {
  const { backend, path } = target;
  if (isFolder(target))
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `${JSON.stringify(text)} is a folder; give --recursive to delete what is in it`,
    });
  if (!(await backend.exists(path, { signal }))) {
    if (force) return;
    throw nothingAt(
      text,
      (await hasAny(backend, `${path}/`, signal)) ? "but it is a folder: --recursive deletes what is in it" : "",
    );
  }
  if (!dryRun) await backend.delete(path, { signal });
  const url = urlOf(target, path);
  await out.result({ action: "delete", url, path, dryRun }, `- ${out.name(url)}`);
}

/** Deletes what is below a folder, and says how many could not be. */
async function removeFolder(context: Context, target: StoreTarget, text: string, force: boolean): Promise<number> {
  const { out, signal, dryRun, confirm } = context;
  const { backend, path: folder } = target;
  const sum = await sumOf(backend, folder, signal);
  if (sum.objects === 0) {
    if (force) return 0;
    throw nothingAt(text);
  }
  const what = `${countOf(sum.objects, "object")} (${formatBytes(sum.bytes)}) below ${target.url}`;
  await confirm(`delete ${what}`);
  if (dryRun) {
    for await (const { path, isDirectory } of backend.list(folder, { signal }))
      if (!isDirectory) await out.result({ action: "delete", url: urlOf(target, path), path, dryRun }, `- ${out.name(path)}`);
    return 0;
  }
  const { deleted, errors } = await backend.purge(folder, { signal });
  for (const { path, error } of errors)
    await out.result(
      { action: "delete", url: urlOf(target, path), path, error: error.toJSON() },
      `! ${out.name(`${path}: ${error.reason}`)}`,
    );
  await out.result(
    { action: "purge", url: target.url, deleted, failed: errors.length },
    `- ${out.name(target.url)}: ${countOf(deleted, "object")} deleted`,
  );
  return errors.length;
}

async function sumOf(backend: Backend, folder: string, signal: AbortSignal): Promise<{ objects: number; bytes: number }> {
  const sum = { objects: 0, bytes: 0 };
  for await (const { size, isDirectory } of backend.list(folder, { signal })) {
    if (isDirectory) continue;
    sum.objects++;
    sum.bytes += size;
  }
  return sum;
}

async function hasAny(backend: Backend, prefix: string, signal: AbortSignal): Promise<boolean> {
  for await (const _ of backend.list(prefix, { signal, pageSize: 1 })) return true;
  return false;
}
