import { open } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { OmniError, type WriteOptions } from "@omni/core";
import { type Context, type Run, UsageError } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { Meter } from "../output/bar.ts";
import { isFolder, urlOf } from "../places.ts";
import type { StoreTarget } from "../targets.ts";
import type { PUT_OPTIONS } from "./stores.ts";
import { destinationOf, sourcesAndPlace } from "./transfers.ts";

type Options = OptionsOf<typeof PUT_OPTIONS>;

/** `omni put`. */
export const run: Run<Options> = async (context, places, options) => {
  const place = await (await context.targets()).store(places.at(-1) ?? "");
  for (const name of sourcesAndPlace(places, place)) {
    if (name === "-") await putStdin(context, place, options);
    else await putFile(context, place, name, options);
  }
};

async function putStdin(context: Context, place: StoreTarget, options: Options): Promise<void> {
  if (isFolder(place)) throw new UsageError("stdin has no name; name the object, not a folder");
  await write(context, place, place.path, process.stdin, writeOptions(options), undefined);
}

async function putFile(context: Context, place: StoreTarget, name: string, options: Options): Promise<void> {
  const path = destinationOf(place, basename(name));
  const file = await open(resolve(context.cwd, name)).catch((cause: unknown) => {
    throw localError(name, cause);
  });
  try {
    const stats = await file.stat();
    const { size, mtime } = stats;
    if (stats.isDirectory())
      throw new OmniError("INVALID_ARGUMENT", { reason: `${JSON.stringify(name)} is a directory; use omni copy` });
    const keeps = place.backend.features.setModTime ? { modifiedAt: mtime } : {};
    const sized = stats.isFile() ? { sizeBytes: size } : {};
    const body = file.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 });
    try {
      await write(context, place, path, body, { ...writeOptions(options), ...keeps, ...sized }, stats.isFile() ? size : undefined);
    } finally {
      body.destroy();
    }
  } finally {
    await file.close();
  }
}

async function write(
  { out, signal, dryRun }: Context,
  place: StoreTarget,
  path: string,
  body: NodeJS.ReadableStream,
  options: WriteOptions,
  totalBytes: number | undefined,
): Promise<void> {
  const url = urlOf(place, path);
  if (dryRun) {
    await out.result({ action: "put", url, size: totalBytes, dryRun }, `+ ${out.name(url)}`);
    return;
  }
  const meter = new Meter(out.name(path), totalBytes);
  const live = await out.live((columns) => meter.lines(columns));
  try {
    const onProgress: WriteOptions["onProgress"] = ({ bytes }) => {
      meter.bytes = bytes;
    };
    const { etag } = await place.backend.write(path, body as AsyncIterable<Uint8Array>, { ...options, signal, onProgress });
    live.done();
    await out.result({ action: "put", url, size: meter.bytes, etag, dryRun }, `+ ${out.name(url)}`);
  } finally {
    live.done();
  }
}

function writeOptions(options: Options): WriteOptions {
  const { contentType, cacheControl, contentEncoding, contentDisposition, metadata, ifAbsent, ifMatch, partSize, concurrency } =
    options;
  const given = {
    contentType,
    cacheControl,
    contentEncoding,
    contentDisposition,
    metadata: metadata && metadataOf(metadata),
    ifNoneMatch: ifAbsent ? "*" : undefined,
    ifMatch,
    partSizeBytes: partSize,
    concurrency,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function metadataOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = "", ...rest] = pair.split("=");
      if (name === "" || rest.length === 0) throw new UsageError(`--metadata ${JSON.stringify(pair)}: write name=value`);
      return [name, rest.join("=")];
    }),
  );
}

/** What the file system says, in the words of stores. */
export function localError(name: string, cause: unknown): OmniError {
  const codes = { ENOENT: "NOT_FOUND", ENOTDIR: "NOT_FOUND", EACCES: "PERMISSION_DENIED", EPERM: "PERMISSION_DENIED" } as const;
  const { code, message } = cause as NodeJS.ErrnoException;
  const known = codes[code as keyof typeof codes];
  const reason = known === "NOT_FOUND" ? `there is no file ${JSON.stringify(name)}` : `${JSON.stringify(name)}: ${message}`;
  return new OmniError(known ?? "UNKNOWN", { reason, cause });
}
