import type { Backend } from "../backend.ts";
import { type Clock, delay, systemClock } from "../clock.ts";
import type { DriverBody, DriverListOptions, DriverOptions, StagedWrite, StorageDriver, WriteConditions } from "../driver.ts";
import { type OmniError, wrapError } from "../error.ts";
import { layer } from "../extend.ts";
import type { ObjectInfo } from "../object-info.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";

/** How often {@link withRetry} tries a call, and how long it waits between two tries. */
export interface RetryOptions extends BackoffOptions {
  /** Attempts in all. @default 3 */
  readonly attempts?: number | undefined;
  /** @default the machine's */
  readonly clock?: Clock | undefined;
  /** Called before each wait. */
  readonly onRetry?: ((error: OmniError, attempt: number) => void) | undefined;
}

/**
 * Tries again after an error that may pass (`error.retryable`). What cannot be repeated safely is not: a body that is a stream; a move, or a change
 * under a condition, whose outcome is unknown.
 *
 * @param backend stays usable without retries
 */
export function withRetry<B extends Backend>(backend: B, options: RetryOptions = {}): B {
  return layer(backend, (driver) => retrying(driver, options));
}

function retrying(driver: StorageDriver, options: RetryOptions): Partial<StorageDriver> {
  const again = <T>(
    call: DriverOptions,
    work: () => Promise<T>,
    repeatable: (error: OmniError) => boolean = () => true,
  ): Promise<T> => attempt(driver, options, call.signal, work, repeatable);
  const overWhole = (body: DriverBody, conditions: WriteConditions) => (error: OmniError) =>
    body instanceof Uint8Array &&
    (error.outcome === "not-applied" || (conditions.ifMatch === undefined && conditions.ifNoneMatch === undefined));
  const staged = (write: StagedWrite): StagedWrite => ({
    token: write.token,
    state: write.state,
    expiresAt: write.expiresAt,
    commit: (conditions = {}) => again(conditions, () => write.commit(conditions)),
    discard: (call = {}) => again(call, () => write.discard(call)),
  });
  return {
    read: (path, call) => again(call, () => driver.read(path, call)),
    stat: (path, call) => again(call, () => driver.stat(path, call)),
    list: (prefix, call) => relist(driver, options, prefix, call),
    write: (path, body, call) => again(call, () => driver.write(path, body, call), overWhole(body, call)),
    delete: (path, call) =>
      again(
        call,
        () => driver.delete(path, call),
        (error) => call.ifMatch === undefined || error.outcome === "not-applied",
      ),
    stage: (path, body, call) =>
      again(
        call,
        async () => staged(await driver.stage!(path, body, call)),
        (error) => overWhole(body, {})(error),
      ),
    resumeStage: (path, token, call) => again(call, async () => staged(await driver.resumeStage!(path, token, call))),
    copy: (from, to, call) => again(call, () => driver.copy!(from, to, call)),
    move: (from, to, call) =>
      again(
        call,
        () => driver.move!(from, to, call),
        (error) => error.outcome === "not-applied",
      ),
    mkdir: (path, call) => again(call, () => driver.mkdir!(path, call)),
    rmdir: (path, call) => again(call, () => driver.rmdir!(path, call)),
    deleteMany: (paths, call) => again(call, () => driver.deleteMany!(paths, call)),
    setMetadata: (path, change, call) =>
      again(
        call,
        () => driver.setMetadata!(path, change, call),
        (error) => call.ifMatch === undefined || error.outcome === "not-applied",
      ),
  };
}

async function attempt<T>(
  driver: StorageDriver,
  options: RetryOptions,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  repeatable: (error: OmniError) => boolean,
): Promise<T> {
  const { attempts = 3, clock = systemClock, onRetry } = options;
  for (let count = 1; ; count++) {
    try {
      return await work();
    } catch (cause) {
      const error = wrapError(cause, {}, driver.classifyError);
      if (count >= attempts || signal?.aborted || !error.retryable || !repeatable(error)) throw cause;
      onRetry?.(error, count);
      await delay(backoffMs(count, options), clock, signal);
    }
  }
}

/** A listing that breaks off goes on after the last path seen, where the driver can; else only one that has shown nothing starts again. */
async function* relist(
  driver: StorageDriver,
  options: RetryOptions,
  prefix: string,
  call: DriverListOptions,
): AsyncGenerator<ObjectInfo, void> {
  const continues = driver.features.sortedList === true && driver.features.listStartAfter === true;
  let last: string | undefined;
  const open = (): AsyncIterator<ObjectInfo> =>
    driver.list(prefix, last === undefined ? call : { ...call, startAfter: last })[Symbol.asyncIterator]();
  let items = open();
  // What goes well costs nothing here: an entry is awaited, and no more.
  const goOn = (first: unknown): Promise<IteratorResult<ObjectInfo, unknown>> => {
    let failed: { readonly error: unknown } | undefined = { error: first };
    const next = (): Promise<IteratorResult<ObjectInfo, unknown>> => {
      if (!failed) return items.next();
      const { error } = failed;
      failed = undefined;
      return Promise.reject(error);
    };
    const onRetry = (error: OmniError, count: number): void => {
      options.onRetry?.(error, count);
      items = open();
    };
    return attempt(driver, { ...options, onRetry }, call.signal, next, () => last === undefined || continues);
  };
  try {
    while (true) {
      let step: IteratorResult<ObjectInfo, unknown>;
      try {
        step = await items.next();
      } catch (error) {
        step = await goOn(error);
      }
      if (step.done) return;
      last = step.value.path;
      yield step.value;
    }
  } finally {
    await items.return?.();
  }
}
