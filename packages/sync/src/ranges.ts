import type { Backend, CallOptions, ObjectInfo } from "@omni/core";

/** Bytes of one range: what is held in memory is this times the streams. */
const RANGE_BYTES = 8 * 1024 * 1024;

/** Reads an object in ranges, several at once, all of one version; gives them in order. */
export async function* readRanges(
  backend: Backend,
  info: ObjectInfo,
  streams: number,
  call: CallOptions,
): AsyncGenerator<Uint8Array, void> {
  const { size, etag, path } = info;
  const waiting: Promise<Uint8Array>[] = [];
  let next = 0;
  const begin = (): void => {
    if (next >= size) return;
    const limit = Math.min(RANGE_BYTES, size - next);
    const range = backend
      .read(path, { ...call, idleTimeoutMs: call.timeoutMs, offset: next, limit, ...(etag === undefined ? {} : { ifMatch: etag }) })
      .then((reader) => reader.bytes());
    // Its error is thrown where its turn comes; until then nobody looks at it.
    range.catch(() => {});
    waiting.push(range);
    next += limit;
  };
  for (let i = 0; i < streams; i++) begin();
  for (let range = waiting.shift(); range; range = waiting.shift()) {
    const bytes = await range;
    begin();
    yield bytes;
  }
}
