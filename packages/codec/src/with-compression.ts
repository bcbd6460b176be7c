import {
  type Backend,
  type DriverBody,
  type DriverWriteOptions,
  layer,
  type ObjectInfo,
  OmniError,
  type StagedWrite,
  type StorageDriver,
} from "@omni/core";
import { decoder, encodeBytes, encoder } from "./compression.ts";
import { type CompressionOptions, ENCODINGS, type Encoding, isEncoding, levelOf } from "./options.ts";

/**
 * Compresses what is written to a backend and expands what is read from it.
 *
 * The content encoding of an object says how it is stored: every write sets it, every read follows it, so that objects of either encoding and
 * plain ones live side by side. A body that is written with a content encoding of its own is stored as it comes. `stat` and `list` speak of what is
 * stored: `size` is the compressed size, digests are left out, since they are not those of the content. Ranges count the bytes of the content: it is
 * expanded from its start and cut.
 *
 * @param backend keeps content headers
 * @param encoding of what is written
 * @throws OmniError NOT_SUPPORTED when the backend keeps no content encoding, INVALID_ARGUMENT for an unknown encoding or level
 */
export function withCompression<B extends Backend>(backend: B, encoding: Encoding, options: CompressionOptions = {}): B {
  if (!isEncoding(encoding))
    throw refused("INVALID_ARGUMENT", `the encoding is ${Object.keys(ENCODINGS).join(" or ")}, not ${JSON.stringify(encoding)}`);
  if (!backend.features.contentHeaders)
    throw refused(
      "NOT_SUPPORTED",
      `${backend.driver.scheme} keeps no content encoding, so that nothing would say what to expand; write through gzip() or zstd() yourself`,
    );
  levelOf(encoding, options);
  return layer(backend, (driver) => compressed(backend, driver, encoding, options));
}

function compressed(
  backend: Backend,
  driver: StorageDriver,
  encoding: Encoding,
  options: CompressionOptions,
): Partial<StorageDriver> {
  const encoded = async (body: DriverBody, write: DriverWriteOptions): Promise<[DriverBody, DriverWriteOptions]> => {
    if (write.contentEncoding !== undefined) return [body, write];
    const { sizeBytes: _, ...rest } = write;
    const bytes = body instanceof Uint8Array ? await encodeBytes(encoding, body, options) : encoder(encoding, options)(body);
    return [bytes, { ...rest, contentEncoding: encoding }];
  };
  return {
    // What the store counts and digests is not the content.
    features: { ...driver.features, rangeRead: false, hashes: [], maxObjectBytes: undefined },
    async read(path, { ifMatch, signal }) {
      // By the backend, not the driver: a body that breaks off goes on below, where bytes can be counted.
      const reader = await backend.read(path, { ifMatch, signal });
      const { contentEncoding } = reader.info;
      if (!isEncoding(contentEncoding)) return { info: withoutDigests(reader.info), body: reader };
      return {
        info: { ...withoutDigests(reader.info), contentEncoding: undefined },
        body: decoder(contentEncoding)(reader),
        unsized: true,
      };
    },
    write: async (path, body, write) => withoutDigests(await driver.write(path, ...(await encoded(body, write)))),
    stage: async (path, body, write) =>
      bare(await (driver as Required<StorageDriver>).stage(path, ...(await encoded(body, write)))),
    resumeStage: async (path, token, call) => bare(await (driver as Required<StorageDriver>).resumeStage(path, token, call)),
    stat: async (path, call) => withoutDigests(await driver.stat(path, call)),
    async *list(prefix, call) {
      for await (const info of driver.list(prefix, call)) yield withoutDigests(info);
    },
    copy: async (from, to, call) => withoutDigests(await (driver as Required<StorageDriver>).copy(from, to, call)),
    move: async (from, to, call) => withoutDigests(await (driver as Required<StorageDriver>).move(from, to, call)),
    async setMetadata(path, change, call) {
      if (change.contentEncoding !== undefined)
        throw refused(
          "INVALID_ARGUMENT",
          "the content encoding says how the object is stored; it cannot be changed without its bytes",
        );
      return withoutDigests(await (driver as Required<StorageDriver>).setMetadata(path, change, call));
    },
  };
}

function bare(staged: StagedWrite): StagedWrite {
  return {
    token: staged.token,
    get state() {
      return staged.state;
    },
    expiresAt: staged.expiresAt,
    commit: async (conditions) => withoutDigests(await staged.commit(conditions)),
    discard: (call) => staged.discard(call),
  };
}

function withoutDigests(info: ObjectInfo): ObjectInfo {
  return info.hashes === undefined ? info : { ...info, hashes: undefined };
}

function refused(code: "INVALID_ARGUMENT" | "NOT_SUPPORTED", reason: string): OmniError {
  return new OmniError(code, { operation: "withCompression", reason, outcome: "not-applied" });
}
