import { type Backend, type Clock, createBackend, delay, type StorageDriver } from "@omni/core";

/** One program's way to a store that all share: every request and every answer takes its time, or fails. */
export function slowBackend(shared: Backend, clock: Clock, pauseMs: () => number, fails: () => boolean): Backend {
  const { driver } = shared;
  const slowly = async <T>(request: () => Promise<T>): Promise<T> => {
    await delay(pauseMs(), clock);
    if (fails()) throw new Error("the network is down");
    const answer = await request();
    await delay(pauseMs(), clock);
    return answer;
  };
  const slow: StorageDriver = {
    ...driver,
    read: (path, options) => slowly(() => driver.read(path, options)),
    write: (path, body, options) => slowly(() => driver.write(path, body, options)),
    delete: (path, options) => slowly(() => driver.delete(path, options)),
    async *list(prefix, options) {
      yield* await slowly(() => Array.fromAsync(driver.list(prefix, options)));
    },
  };
  return createBackend(slow, { clock });
}
