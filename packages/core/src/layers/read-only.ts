import type { Backend } from "../backend.ts";
import type { StorageDriver } from "../driver.ts";
import { OmniError } from "../error.ts";
import { layer } from "../extend.ts";

/**
 * A backend that cannot be changed through this handle.
 *
 * @throws OmniError PERMISSION_DENIED from everything that would change something, before any I/O
 */
export function withReadOnly<B extends Backend>(backend: B): B {
  return layer(backend, refusing);
}

function refusing(driver: StorageDriver): Partial<StorageDriver> {
  const error = (): OmniError =>
    new OmniError("PERMISSION_DENIED", {
      reason: "this handle is read-only; use the backend that it was made from",
      outcome: "not-applied",
    });
  const refuse = (): Promise<never> => Promise.reject(error());
  return {
    write: refuse,
    delete: refuse,
    stage: refuse,
    resumeStage: refuse,
    openWriter: () => {
      throw error();
    },
    copy: refuse,
    move: refuse,
    mkdir: refuse,
    rmdir: refuse,
    deleteMany: refuse,
    setMetadata: refuse,
    signUrl: (path, options) => ((options.method ?? "GET") === "GET" ? driver.signUrl!(path, options) : refuse()),
  };
}
