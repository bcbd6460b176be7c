// Libraries that keep objects as files, behind the few calls that the benchmark makes. Neither writes a temporary file, calls fsync or renames: who
// reads while one of them writes sees half an object, and so does whoever comes after a crash. Neither keeps metadata beside the bytes.
import type { Need } from "../runner/benchmark.ts";

/** One library, set up as its documentation says. */
export interface FileStore {
  write(name: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<unknown>;
  /** The whole object. */
  read(name: string): Promise<Uint8Array>;
}

/** A library that a benchmark can open. */
export interface FileContender {
  readonly name: string;
  readonly label: string;
  readonly needs: Need;
  /** Takes bodies without holding them whole. */
  readonly streams: boolean;
  open(root: string): Promise<FileStore>;
}

const how = "npm run bench after an installation with development dependencies";

const unstorage: FileContender = {
  name: "unstorage",
  label: "unstorage, fs driver (no temporary file, no fsync, no metadata)",
  needs: { package: "unstorage", how },
  // `setItemRaw` takes one buffer.
  streams: false,
  async open(root) {
    const { createStorage } = await import("unstorage");
    const { default: fsDriver } = await import("unstorage/drivers/fs");
    const storage = createStorage({ driver: fsDriver({ base: root }) });
    return {
      async write(name, body) {
        if (!(body instanceof Uint8Array)) throw new Error("unstorage takes whole bodies");
        await storage.setItemRaw(name, body);
      },
      async read(name) {
        const bytes = await storage.getItemRaw<Uint8Array>(name);
        if (bytes === null) throw new Error(`${name} is not there`);
        return bytes;
      },
    };
  },
};

const flystorage: FileContender = {
  name: "flystorage",
  label: "@flystorage/local-fs (no temporary file, no fsync, no metadata)",
  needs: { package: "@flystorage/local-fs", how },
  streams: true,
  async open(root) {
    const { FileStorage } = await import("@flystorage/file-storage");
    const { LocalStorageAdapter } = await import("@flystorage/local-fs");
    const { Readable } = await import("node:stream");
    const storage = new FileStorage(new LocalStorageAdapter(root));
    return {
      // Of a plain Uint8Array it would make a stream of numbers.
      write: (name, body) =>
        storage.write(
          name,
          body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : Readable.from(body),
        ),
      read: (name) => storage.readToUint8Array(name),
    };
  },
};

/** Everybody whom ours is compared with. */
export const fileStores: readonly FileContender[] = [unstorage, flystorage];
