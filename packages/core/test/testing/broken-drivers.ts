import { collect, comparePaths, type DriverBody, type DriverWriteOptions, type ObjectInfo, OmniError, wrap } from "@omni/core";
import { type MemoryDriver, memory } from "@omni/memory";

/** A driver that breaks one promise, and cases of the kit that must notice. */
export interface BrokenDriver {
  readonly promise: string;
  /** `group: case`, each of which fails. */
  readonly caughtBy: readonly string[];
  readonly breakIt: (driver: MemoryDriver) => Partial<MemoryDriver>;
}

const NOTHING = new Uint8Array(0);

/** The chunks of a body that came before it broke, and what it broke with. */
async function takeUntilError(body: DriverBody): Promise<{ readonly bytes: Uint8Array; readonly error?: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of body instanceof Uint8Array ? [body] : body) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks) };
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error };
  }
}

async function bytesOf(driver: MemoryDriver, path: string): Promise<Uint8Array> {
  return collect((await driver.read(path, {})).body);
}

const writes: readonly BrokenDriver[] = [
  {
    promise: "a failed write publishes nothing",
    caughtBy: [
      "atomicity: a source that throws in the middle: the former object survives",
      "atomicity: a writer aborted in the middle: nothing appears",
      "atomicity: a source shorter than sizeBytes: nothing appears",
    ],
    breakIt: (driver) => ({
      async write(path, body, options) {
        const { bytes, error } = await takeUntilError(body);
        const info = await driver.write(path, bytes, { ...options, signal: undefined });
        if (error !== undefined) throw error;
        return info;
      },
    }),
  },
  {
    promise: "an aborted write publishes nothing",
    caughtBy: [
      "atomicity: a write aborted in the middle: nothing appears",
      "atomicity: a write aborted at the end of the source: the former object survives",
    ],
    breakIt: (driver) => ({
      async write(path, body, options) {
        const { bytes, error } = await takeUntilError(body);
        if (error !== undefined && !options.signal) throw error;
        return driver.write(path, bytes, { ...options, signal: undefined });
      },
    }),
  },
  {
    promise: "every chunk is stored",
    caughtBy: ["writers: chunks make one object, published by close", "sizes: a large object in many chunks"],
    breakIt: (driver) => ({
      async write(path, body, options) {
        if (body instanceof Uint8Array) return driver.write(path, body, options);
        const chunks: Uint8Array[] = [];
        for await (const chunk of body) chunks.push(chunk);
        return driver.write(path, Buffer.concat(chunks.slice(0, -1)), options);
      },
    }),
  },
  {
    promise: "an empty object is an object",
    caughtBy: ["sizes: an empty object from a stream without chunks", "writers: close without a chunk makes an empty object"],
    breakIt: (driver) => ({
      async write(path, body, options) {
        const bytes = body instanceof Uint8Array ? body : await collect(body);
        return bytes.byteLength === 0 ? { path, size: 0 } : driver.write(path, bytes, options);
      },
    }),
  },
  {
    promise: "a temporary object is never listed",
    caughtBy: [
      "atomicity: nothing is visible while a write is under way",
      "atomicity: a source that throws at its first byte: nothing appears",
    ],
    breakIt: (driver) => ({
      async write(path, body, options) {
        if (body instanceof Uint8Array) return driver.write(path, body, options);
        await driver.write(`${path}.part`, NOTHING, {});
        const info = await driver.write(path, body, options);
        await driver.delete(`${path}.part`, {});
        return info;
      },
    }),
  },
  {
    promise: "an overwrite is whole or not at all",
    caughtBy: [
      "concurrency: readers during overwrites see old or new, whole",
      "atomicity: nothing is visible while a write is under way",
    ],
    breakIt: (driver) => ({
      async write(path, body, options) {
        let written: Uint8Array = NOTHING;
        let info: ObjectInfo | undefined;
        for await (const chunk of body instanceof Uint8Array ? [body] : body) {
          written = Buffer.concat([written, chunk]);
          info = await driver.write(path, written, options);
        }
        return info ?? driver.write(path, NOTHING, options);
      },
    }),
  },
  {
    promise: "metadata is kept",
    caughtBy: ["metadata: metadata is kept", "honesty: metadata: kept where declared, refused before any request where not"],
    breakIt: (driver) => ({ write: (path, body, options) => driver.write(path, body, { ...options, metadata: undefined }) }),
  },
  {
    promise: "metadata is not inherited",
    caughtBy: ["metadata: an overwrite does not inherit metadata"],
    breakIt: (driver) => ({
      async write(path, body, options) {
        const before = await driver.stat(path, {}).catch(() => undefined);
        return driver.write(path, body, { ...options, metadata: options.metadata ?? before?.metadata });
      },
    }),
  },
  {
    promise: "a modification time is kept",
    caughtBy: ["metadata: a modification time is kept"],
    breakIt: (driver) => ({ write: (path, body, options) => driver.write(path, body, { ...options, modifiedAt: undefined }) }),
  },
  {
    promise: "a modification time is kept to the millisecond, unless the driver says otherwise",
    caughtBy: ["metadata: a modification time is kept as precisely as is declared"],
    breakIt: (driver) => ({
      write: (path, body, options) => {
        const { modifiedAt } = options;
        const seconds = modifiedAt && new Date(Math.floor(modifiedAt.getTime() / 1000) * 1000);
        return driver.write(path, body, { ...options, modifiedAt: seconds });
      },
    }),
  },
  {
    promise: "a conditional create is one step",
    caughtBy: ["conditions: eight creates at once: one wins", "conditions: eight creates by streams at once: one wins"],
    breakIt: (driver) => ({
      async write(path, body, options) {
        const { ifNoneMatch, ...rest } = options;
        if (ifNoneMatch && (await driver.stat(path, {}).catch(() => undefined))) throw new OmniError("ALREADY_EXISTS");
        return driver.write(path, body, rest);
      },
    }),
  },
  {
    promise: "a conditional replace is one step",
    caughtBy: ["conditions: eight replaces of one version at once: one wins", "conditions: eight counters lose no step"],
    breakIt: (driver) => ({
      async write(path, body, options) {
        const { ifMatch, ...rest } = options;
        if (ifMatch && (await driver.stat(path, {}).catch(() => undefined))?.etag !== ifMatch)
          throw new OmniError("PRECONDITION_FAILED");
        return driver.write(path, body, rest);
      },
    }),
  },
  {
    promise: "an etag never repeats, where it is called a generation",
    caughtBy: ["conditions: an etag never repeats, not even with the same bytes or after a delete"],
    breakIt: (driver) => {
      const byContent = (info: ObjectInfo): ObjectInfo => ({ ...info, etag: info.hashes?.md5 });
      return {
        async write(path, body, options: DriverWriteOptions) {
          const { ifMatch, ...rest } = options;
          if (ifMatch && (await driver.stat(path, {})).hashes?.md5 !== ifMatch) throw new OmniError("PRECONDITION_FAILED");
          return byContent(await driver.write(path, body, rest));
        },
        stat: async (path, options) => byContent(await driver.stat(path, options)),
        async read(path, { ifMatch: _, ...options }) {
          const { info, body } = await driver.read(path, options);
          return { info: byContent(info), body };
        },
      };
    },
  },
];

const reads: readonly BrokenDriver[] = [
  {
    promise: "a declared range is honoured",
    caughtBy: ["ranges: an offset", "ranges: an offset and a limit"],
    breakIt: (driver) => ({ read: (path, options) => driver.read(path, { ...options, offset: undefined }) }),
  },
  {
    promise: "an offset past the end gives nothing",
    caughtBy: ["ranges: an offset at the end gives nothing", "ranges: an offset past the end gives nothing"],
    breakIt: (driver) => ({
      async read(path, options) {
        if ((options.offset ?? 0) > 0 && (options.offset ?? 0) >= (await driver.stat(path, {})).size)
          throw new Error("416 range not satisfiable");
        return driver.read(path, options);
      },
    }),
  },
  {
    promise: "what a reader gets is its own",
    caughtBy: ["basics: what a reader does with its bytes does not change the object"],
    breakIt: (driver) => {
      const given = new Map<string, Uint8Array>();
      return {
        async read(path, options) {
          const { info } = await driver.read(path, {});
          const key = `${path} ${info.etag}`;
          const bytes = given.get(key) ?? (await bytesOf(driver, path));
          given.set(key, bytes);
          const { offset = 0, limit = bytes.byteLength } = options;
          return { info, body: ReadableStream.from([bytes.subarray(offset, offset + limit)]) as AsyncIterable<Uint8Array> };
        },
      };
    },
  },
  {
    promise: "a reader gets one version",
    caughtBy: ["concurrency: a slow reader during an overwrite gets one version, or fails"],
    breakIt: (driver) => ({
      async read(path, { offset = 0, limit = Number.POSITIVE_INFINITY }) {
        const info = await driver.stat(path, {});
        async function* body(): AsyncGenerator<Uint8Array, void> {
          for (let at = offset; at < Math.min(info.size, offset + limit); at += 10_000)
            yield (await bytesOf(driver, path)).slice(at, Math.min(at + 10_000, info.size, offset + limit));
        }
        return { info, body: body() };
      },
    }),
  },
  {
    promise: "a stalled reader holds little",
    caughtBy: ["memory: a stalled reader holds a bounded part of a large object"],
    breakIt: (driver) => ({
      async read(path, options) {
        const { info, body } = await driver.read(path, options);
        const chunks: Uint8Array[] = [];
        for await (const chunk of body) chunks.push(chunk);
        return { info, body: ReadableStream.from(chunks.map((chunk) => chunk.slice())) as AsyncIterable<Uint8Array> };
      },
    }),
  },
  {
    promise: "a declared digest is there",
    caughtBy: [
      "metadata: digests are those of the whole object",
      "honesty: digests: kept where declared, refused before any request where not",
    ],
    breakIt: (driver) => ({ stat: async (path, options) => ({ ...(await driver.stat(path, options)), hashes: undefined }) }),
  },
  {
    promise: "a missing object is NOT_FOUND",
    caughtBy: ["basics: a missing object is NOT_FOUND to read"],
    breakIt: (driver) => ({
      async read(path, options) {
        if (await driver.stat(path, {}).catch(() => undefined)) return driver.read(path, options);
        return { info: { path, size: 0 }, body: ReadableStream.from([]) as AsyncIterable<Uint8Array> };
      },
    }),
  },
];

const listings: readonly BrokenDriver[] = [
  {
    promise: "a sorted list is in byte order",
    caughtBy: ["listing: byte order, where the store sorts"],
    breakIt: (driver) => ({
      async *list(prefix, options) {
        const all: ObjectInfo[] = [];
        for await (const info of driver.list(prefix, options)) all.push(info);
        // The order of UTF-16, which JavaScript's own comparison gives.
        yield* all.sort((a, b) => (a.path < b.path ? -1 : 1));
      },
    }),
  },
  {
    promise: "a list has no end at a thousand",
    caughtBy: ["paging: every object of several pages is listed once", "paging: purge takes more than a page"],
    breakIt: (driver) => ({
      async *list(prefix, options) {
        let left = 1_000;
        for await (const info of driver.list(prefix, options)) if (left-- > 0) yield info;
      },
    }),
  },
  {
    promise: "a prefix is a plain string",
    caughtBy: ["listing: a prefix is a plain string"],
    breakIt: (driver) => ({
      list: (prefix, options) => driver.list(prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`, options),
    }),
  },
  {
    promise: "startAfter leaves out the path itself",
    caughtBy: ["listing: startAfter a path that is there", "paging: startAfter goes on from every place"],
    breakIt: (driver) => ({
      async *list(prefix, options) {
        const { startAfter, ...rest } = options;
        for await (const info of driver.list(prefix, rest))
          if (startAfter === undefined || comparePaths(info.path, startAfter) >= 0) yield info;
      },
    }),
  },
  {
    promise: "a list sees what was written before it",
    caughtBy: [
      "listing: an object is listed as soon as it is written",
      "listing: an object is not listed any more as soon as it is deleted",
    ],
    breakIt: (driver) => {
      const cache = new Map<string, ObjectInfo[]>();
      return {
        async *list(prefix, options) {
          const key = JSON.stringify([prefix, options.delimiter, options.startAfter]);
          const all = cache.get(key) ?? [];
          if (!cache.has(key)) for await (const info of driver.list(prefix, options)) all.push(info);
          cache.set(key, all);
          yield* all;
        },
      };
    },
  },
];

const changes: readonly BrokenDriver[] = [
  {
    promise: "deleting what is missing is no error",
    caughtBy: ["deleting: deleting a missing object is no error"],
    breakIt: (driver) => ({
      async delete(path, options) {
        await driver.stat(path, {});
        await driver.delete(path, options);
      },
    }),
  },
  {
    promise: "a delete takes one object",
    caughtBy: ["deleting: deleting a folder's name deletes nothing in it"],
    breakIt: (driver) => ({
      async delete(path, options) {
        for await (const info of driver.list(`${path}/`, {})) await driver.delete(info.path, {});
        await driver.delete(path, options);
      },
    }),
  },
  {
    promise: "a conditional delete looks at the version",
    caughtBy: ["conditions: delete an older version: PRECONDITION_FAILED, and the newer stays"],
    breakIt: (driver) => ({ delete: (path) => driver.delete(path, {}) }),
  },
  {
    promise: "a copy has the metadata",
    caughtBy: ["copying and moving: a copy has the headers and metadata"],
    breakIt: (driver) => ({ copy: async (from, to) => driver.write(to, await bytesOf(driver, from), {}) }),
  },
  {
    promise: "a move of nothing changes nothing",
    caughtBy: ["copying and moving: moving a missing object is NOT_FOUND and changes nothing"],
    breakIt: (driver) => ({
      async move(from, to, options) {
        await driver.delete(to, {});
        return driver.move(from, to, options);
      },
    }),
  },
  {
    promise: "names are not decoded",
    caughtBy: ["weird keys: encoded and plain are two names"],
    breakIt: (driver) => ({ write: (path, body, options) => driver.write(path.replaceAll("%20", " "), body, options) }),
  },
];

const staging: readonly BrokenDriver[] = [
  {
    promise: "staged bytes are invisible",
    caughtBy: ["staging: staged bytes are invisible until the commit", "staging: the former object stays until the commit"],
    breakIt: (driver) => ({
      async stage(path, body, options) {
        const info = await driver.write(path, body, options);
        return { token: "visible", state: "staged", commit: async () => info, discard: () => driver.delete(path, {}) };
      },
    }),
  },
  {
    promise: "a commit happens once",
    caughtBy: ["staging: a second commit gives the same answer and changes nothing"],
    breakIt: (driver) => ({
      async stage(path, body, options) {
        const bytes = body instanceof Uint8Array ? body : await collect(body);
        const staged = await driver.stage(path, bytes, options);
        return { ...staged, commit: (conditions = {}) => driver.write(path, bytes, { ...options, ...conditions }) };
      },
    }),
  },
  {
    promise: "a discarded write is gone",
    caughtBy: ["staging: discarded bytes never appear", "staging: a token of a discarded write is gone"],
    breakIt: (driver) => ({
      stage: async (path, body, options) => ({ ...(await driver.stage(path, body, options)), discard: async () => {} }),
    }),
  },
  {
    promise: "a commit looks at its conditions",
    caughtBy: ["staging: ifNoneMatch is evaluated at the commit", "staging: ifMatch is evaluated at the commit"],
    breakIt: (driver) => ({
      async stage(path, body, options) {
        const staged = await driver.stage(path, body, options);
        return { ...staged, commit: () => staged.commit() };
      },
    }),
  },
  {
    promise: "a token says that its write was committed",
    caughtBy: ["staging: a token of a committed write says so"],
    breakIt: (driver) => ({
      async resumeStage(path, token, options) {
        const staged = await driver.resumeStage(path, token, options);
        return staged.state === "committed"
          ? { ...staged, state: "gone", commit: () => Promise.reject(new OmniError("NOT_FOUND")) }
          : staged;
      },
    }),
  },
];

/** Every one of them. */
export const BROKEN_DRIVERS: readonly BrokenDriver[] = [...writes, ...reads, ...listings, ...changes, ...staging];

/** A driver with one promise broken. */
export function brokenDriver(broken: BrokenDriver): MemoryDriver {
  const { driver } = memory();
  return wrap(driver, broken.breakIt(driver));
}
