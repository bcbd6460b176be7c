import { collect, type DriverBody, type DriverWriteOptions, type ObjectInfo, OmniError } from "@omni/core";
import type { BrokenDriver } from "./broken-driver.ts";

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

export const writes: readonly BrokenDriver[] = [
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
