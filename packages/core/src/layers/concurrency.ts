import type { Backend } from "../backend.ts";
import { invalidArgument } from "../call-options.ts";
import type { StagedWrite, StorageDriver } from "../driver.ts";
import { layer } from "../extend.ts";

/**
 * Lets only so many calls run at once; the others wait in order, and leave the line when their signal aborts. A read counts until the object is
 * open and a listing does not count, so that a body may be written to the backend that it is read from.
 *
 * @param limit calls under way at once, 1 or more
 */
export function withConcurrency<B extends Backend>(backend: B, limit: number): B {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw invalidArgument(`the limit of withConcurrency is a whole number, 1 or more, not ${String(limit)}`);
  const line = new Line(limit);
  return layer(backend, (driver) => limited(driver, line));
}

function limited(driver: StorageDriver, line: Line): Partial<StorageDriver> {
  const staged = (write: StagedWrite): StagedWrite => ({
    token: write.token,
    state: write.state,
    expiresAt: write.expiresAt,
    commit: (options) => line.run(options?.signal, () => write.commit(options)),
    discard: (options) => line.run(options?.signal, () => write.discard(options)),
  });
  return {
    read: (path, options) => line.run(options.signal, () => driver.read(path, options)),
    write: (path, body, options) => line.run(options.signal, () => driver.write(path, body, options)),
    stat: (path, options) => line.run(options.signal, () => driver.stat(path, options)),
    delete: (path, options) => line.run(options.signal, () => driver.delete(path, options)),
    stage: async (path, body, options) => staged(await line.run(options.signal, () => driver.stage!(path, body, options))),
    resumeStage: async (path, token, options) =>
      staged(await line.run(options.signal, () => driver.resumeStage!(path, token, options))),
    copy: (from, to, options) => line.run(options.signal, () => driver.copy!(from, to, options)),
    move: (from, to, options) => line.run(options.signal, () => driver.move!(from, to, options)),
    mkdir: (path, options) => line.run(options.signal, () => driver.mkdir!(path, options)),
    rmdir: (path, options) => line.run(options.signal, () => driver.rmdir!(path, options)),
    deleteMany: (paths, options) => line.run(options.signal, () => driver.deleteMany!(paths, options)),
    setMetadata: (path, change, options) => line.run(options.signal, () => driver.setMetadata!(path, change, options)),
  };
}

/** First come, first served. */
class Line {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await this.#wait(signal);
    else this.#free--;
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener("abort", give);
        resolve();
      };
      const give = (): void => {
        this.#waiting.delete(enter);
        reject(signal?.reason);
      };
      this.#waiting.add(enter);
      signal?.addEventListener("abort", give, { once: true });
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
