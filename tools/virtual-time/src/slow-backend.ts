import { type Backend, type Clock, createBackend, delay, type StorageDriver } from "@omni/core";

/** What happens to requests on their way. */
export interface Trouble {
  /** Milliseconds that a request or an answer takes. */
  pauseMs(): number;
  /** The request is lost. @default never */
  losesRequest?(): boolean;
  /** The answer is lost: the store has done what it was asked for. @default never */
  losesAnswer?(): boolean;
  /** The program is dead: from here on nothing goes out and nothing comes back. @default never */
  isDead?(): boolean;
}

/** One program's way to a store that several share. */
export function slowBackend(shared: Backend, clock: Clock, trouble: Trouble): Backend {
  const { driver } = shared;
  const way = async (): Promise<void> => {
    await delay(trouble.pauseMs(), clock);
    if (trouble.isDead?.()) await new Promise(() => {});
  };
  const slowly = async <T>(request: () => Promise<T>): Promise<T> => {
    await way();
    if (trouble.losesRequest?.()) throw new Error("the request was lost");
    const answer = await request();
    await way();
    if (trouble.losesAnswer?.()) throw new Error("the answer was lost");
    return answer;
  };
  const slow: StorageDriver = {
    ...driver,
    read: (path, options) => slowly(() => driver.read(path, options)),
    stat: (path, options) => slowly(() => driver.stat(path, options)),
    write: (path, body, options) => slowly(() => driver.write(path, body, options)),
    delete: (path, options) => slowly(() => driver.delete(path, options)),
    async *list(prefix, options) {
      yield* await slowly(() => Array.fromAsync(driver.list(prefix, options)));
    },
  };
  return createBackend(slow, { clock });
}
