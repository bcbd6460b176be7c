import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { commonHash, createHasher, type ObjectInfo, type ObjectReader, OmniError } from "@omni/core";
import { type Run, UsageError } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { Meter } from "../output/bar.ts";
import { nameOf, objectAt, urlOf } from "../places.ts";
import { localError } from "./put.ts";
import type { GET_OPTIONS } from "./stores.ts";

/** `omni get`. */
export const run: Run<OptionsOf<typeof GET_OPTIONS>> = async (context, [text = "", given], { force = false }) => {
  const { out, signal, dryRun } = context;
  const source = objectAt(await (await context.targets()).store(text), text);
  const url = urlOf(source, source.path);
  const file = given === "-" ? "-" : await fileFor(context.cwd, given, nameOf(source.path));
  if (file !== "-" && !force && (await exists(file)))
    throw new OmniError("ALREADY_EXISTS", { reason: `${JSON.stringify(file)} exists; give --force to replace it` });
  if (dryRun) {
    const { size } = await source.backend.stat(source.path, { signal });
    await out.result({ action: "get", url, file, size, dryRun }, `+ ${out.name(file)}`);
    return;
  }
  const reader = await source.backend.read(source.path, { signal });
  const meter = new Meter(out.name(source.path), reader.sizeBytes);
  const live = await out.live((columns) => meter.lines(columns));
  try {
    if (file === "-") for await (const chunk of reader) await out.data(chunk, signal);
    else await download(reader, file, force, meter);
  } finally {
    live.done();
    await reader.close();
  }
  if (file !== "-") await out.result({ action: "get", url, file, size: meter.bytes, dryRun }, `+ ${out.name(file)}`);
};

async function fileFor(cwd: string, given: string | undefined, name: string): Promise<string> {
  if (given === undefined) return resolve(cwd, name);
  const place = resolve(cwd, given);
  const isDirectory =
    given.endsWith("/") ||
    (await stat(place).then(
      (stats) => stats.isDirectory(),
      () => false,
    ));
  if (isDirectory && basename(name) !== name) throw new UsageError(`${JSON.stringify(name)} is no file name here; say which file`);
  return isDirectory ? join(place, name) : place;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Writes beside the file and puts it in place when it is whole: a file that is cut off never has the name. */
async function download(reader: ObjectReader, file: string, force: boolean, meter: Meter): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file).slice(0, 100)}.${randomUUID()}.omni`);
  const handle = await open(temporary, "wx").catch((cause: unknown) => {
    throw localError(file, cause);
  });
  try {
    try {
      await fill(reader, handle, meter);
    } finally {
      await handle.close();
    }
    if (force) await rename(temporary, file);
    else await takeName(temporary, file);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : localError(file, error);
  } finally {
    await unlink(temporary).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
}

/** A link is refused where the name was taken meanwhile; a rename would replace. Some file systems have no links. */
async function takeName(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await rename(temporary, file);
  }
}

async function fill(reader: ObjectReader, handle: FileHandle, meter: Meter): Promise<void> {
  const { info } = reader;
  const algorithm = commonHash(info.hashes, info.hashes);
  const hasher = algorithm && createHasher(algorithm);
  for await (const chunk of reader) {
    hasher?.update(chunk);
    meter.bytes += chunk.byteLength;
    await handle.writeFile(chunk);
  }
  if (reader.sizeBytes !== undefined && meter.bytes !== reader.sizeBytes)
    throw mismatch(info, `${meter.bytes} bytes came, not ${reader.sizeBytes}`);
  const digest = hasher?.digest();
  if (algorithm && digest !== info.hashes?.[algorithm])
    throw mismatch(info, `its ${algorithm} is ${digest}, not ${info.hashes?.[algorithm]} as the store says`);
  await handle.sync();
  if (info.modifiedAt) await handle.utimes(info.modifiedAt, info.modifiedAt);
}

function mismatch(info: ObjectInfo, reason: string): OmniError {
  return new OmniError("CHECKSUM_MISMATCH", {
    operation: "get",
    path: info.path,
    reason: `${reason}; nothing was written, try again`,
  });
}
