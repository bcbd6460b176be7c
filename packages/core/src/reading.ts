import type { ReadOptions } from "./backend.ts";
import { notSupported, TAKES } from "./call-options.ts";
import { storageChannel, traced } from "./diagnostics.ts";
import type { DriverRead } from "./driver.ts";
import { OmniError } from "./error.ts";
import type { ObjectInfo } from "./object-info.ts";
import { BodyReader } from "./object-reader.ts";
import type { Core } from "./runner.ts";

/** Opens an object for reading. */
export async function openReader(core: Core, path: string, options: ReadOptions = {}): Promise<BodyReader> {
  const { driver, features, run } = core;
  run.checkOpen("read", path);
  run.guard("read", path, () => {
    core.check(path, options, TAKES.read);
    if (features.live && (options.offset !== undefined || options.limit !== undefined))
      throw notSupported(`${driver.scheme} paths are streams; they have no ranges`);
  });
  options.signal?.throwIfAborted();
  const open = (): Promise<BodyReader> => openUnder(core, path, options);
  return storageChannel.hasSubscribers ? traced({ backend: driver.scheme, operation: "read", path }, open) : open();
}

async function openUnder(core: Core, path: string, options: ReadOptions): Promise<BodyReader> {
  const { features, run } = core;
  const wrap = run.wrap("read", path);
  const { offset = 0, limit, ifMatch } = options;
  const { idleTimeoutMs } = run.limits(options);
  const deadline = run.deadline(options);
  let opened: DriverRead;
  try {
    const opening = readRange(core, path, offset, limit, ifMatch, deadline?.signal);
    opened = deadline ? await deadline.race(opening, false, wrap, (late) => void letGo(late)) : await opening;
  } catch (error) {
    deadline?.release();
    throw deadline ? error : wrap(error);
  }
  deadline?.met();
  const { info, unsized } = opened;
  const sized = !features.live && !unsized;
  const resumable = sized && (opened.reopen !== undefined || (features.rangeRead && info.etag !== undefined));
  const reader = new BodyReader(opened, {
    clock: run.clock,
    wrap,
    idleTimeoutMs,
    resumeAttempts: options.resumeAttempts ?? 3,
    expectedBytes: sized ? Math.max(0, Math.min(info.size - offset, limit ?? Number.POSITIVE_INFINITY)) : undefined,
    reopen: resumable
      ? (received) =>
          opened.reopen?.(received) ??
          readRange(core, path, offset + received, limit === undefined ? undefined : limit - received, info.etag, deadline?.signal)
      : undefined,
    onEnd: () => deadline?.release(),
  });
  deadline?.onStop((reason) => reader.stop(reason));
  return reader;
}

/** Opens a range on any driver: cut here where the driver cannot, and pinned to a version where the store cannot. */
async function readRange(
  core: Core,
  path: string,
  offset: number,
  limit: number | undefined,
  ifMatch: string | undefined,
  signal: AbortSignal | undefined,
): Promise<DriverRead> {
  const { driver, features } = core;
  if (limit === 0) {
    const info = await driver.stat(path, { signal });
    checkEtag(info, ifMatch);
    return { info, body: none() };
  }
  const whole = offset === 0 && limit === undefined;
  const range = whole || !features.rangeRead ? {} : { offset, limit };
  const opened = await driver.read(path, { ...range, ifMatch, signal });
  try {
    checkEtag(opened.info, ifMatch);
  } catch (error) {
    await letGo(opened);
    throw error;
  }
  return whole || features.rangeRead ? opened : { ...opened, body: cut(opened.body, offset, limit ?? Number.POSITIVE_INFINITY) };
}

function checkEtag(info: ObjectInfo, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && info.etag !== ifMatch)
    throw new OmniError("PRECONDITION_FAILED", {
      reason: `precondition failed: the object has etag ${info.etag ?? "none"}, not ${ifMatch}`,
    });
}

/** Ends a body that nobody will read. */
async function letGo(opened: DriverRead): Promise<void> {
  await opened.body[Symbol.asyncIterator]().return?.();
}

async function* none(): AsyncGenerator<Uint8Array, void> {}

async function* cut(body: AsyncIterable<Uint8Array>, offset: number, limit: number): AsyncGenerator<Uint8Array, void> {
  let skip = offset;
  let left = limit;
  for await (const chunk of body) {
    const from = Math.min(skip, chunk.byteLength);
    skip -= from;
    const piece = chunk.subarray(from, from + left);
    left -= piece.byteLength;
    if (piece.byteLength > 0) yield piece;
    if (left <= 0) return;
  }
}
