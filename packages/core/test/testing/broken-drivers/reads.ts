import { type BrokenDriver, bytesOf } from "./broken-driver.ts";

export const reads: readonly BrokenDriver[] = [
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
