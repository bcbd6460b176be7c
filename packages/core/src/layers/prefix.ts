import type { Backend } from "../backend.ts";
import type { StorageDriver } from "../driver.ts";
import { layer } from "../extend.ts";
import type { ObjectInfo } from "../object-info.ts";
import { checkPrefix, DEFAULT_MAX_PATH_BYTES } from "../path.ts";

/**
 * A backend whose root is a prefix of another: every path goes there with the prefix, and comes back without. What `extend` added keeps seeing the
 * whole store.
 *
 * @param prefix a plain string; to mean a folder end it in `/`
 * @throws OmniError INVALID_PATH
 */
export function withPrefix<B extends Backend>(backend: B, prefix: string): B {
  checkPrefix(prefix);
  return prefix === "" ? backend : layer(backend, (driver) => prefixed(driver, prefix));
}

function prefixed(driver: StorageDriver, prefix: string): Partial<StorageDriver> {
  const bare = (info: ObjectInfo): ObjectInfo => ({ ...info, path: info.path.slice(prefix.length) });
  const { maxPathBytes = DEFAULT_MAX_PATH_BYTES } = driver.features;
  const withBareCommit = (staged: Awaited<ReturnType<NonNullable<StorageDriver["stage"]>>>) => ({
    token: staged.token,
    state: staged.state,
    expiresAt: staged.expiresAt,
    commit: async (options?: Parameters<typeof staged.commit>[0]) => bare(await staged.commit(options)),
    discard: staged.discard,
  });
  return {
    features: { ...driver.features, maxPathBytes: maxPathBytes - Buffer.byteLength(prefix) },
    identity: driver.identity === undefined ? undefined : `${driver.identity}#${prefix}`,
    read: async (path, options) => {
      const opened = await driver.read(prefix + path, options);
      return { ...opened, info: bare(opened.info) };
    },
    write: async (path, body, options) => bare(await driver.write(prefix + path, body, options)),
    stat: async (path, options) => bare(await driver.stat(prefix + path, options)),
    async *list(within, options) {
      const startAfter = options.startAfter === undefined ? undefined : prefix + options.startAfter;
      // A driver that does not filter shows the whole store.
      for await (const info of driver.list(prefix + within, { ...options, startAfter }))
        if (info.path.startsWith(prefix)) yield bare(info);
    },
    delete: (path, options) => driver.delete(prefix + path, options),
    stage: async (path, body, options) => withBareCommit(await driver.stage!(prefix + path, body, options)),
    resumeStage: async (path, token, options) => withBareCommit(await driver.resumeStage!(prefix + path, token, options)),
    openWriter: (path, options) => {
      const writer = driver.openWriter!(prefix + path, options);
      return { write: writer.write.bind(writer), abort: writer.abort.bind(writer), close: async () => bare(await writer.close()) };
    },
    copy: async (from, to, options) => bare(await driver.copy!(prefix + from, prefix + to, options)),
    move: async (from, to, options) => bare(await driver.move!(prefix + from, prefix + to, options)),
    mkdir: (path, options) => driver.mkdir!(prefix + path, options),
    rmdir: (path, options) => driver.rmdir!(prefix + path, options),
    deleteMany: async (paths, options) => {
      const failed = await driver.deleteMany!(
        paths.map((path) => prefix + path),
        options,
      );
      return new Map([...failed].map(([path, error]) => [path.slice(prefix.length), error]));
    },
    setMetadata: async (path, change, options) => bare(await driver.setMetadata!(prefix + path, change, options)),
    signUrl: (path, options) => driver.signUrl!(prefix + path, options),
  };
}
