const FLUSH_MS = 2_000;

/** The promise, or the signal's reason when that comes first. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** Waits, but not for a server that is gone: what was to be given back is taken back when its deadline has passed. */
export function soon(work: Promise<unknown>): Promise<void> {
  return orAbort(work, AbortSignal.timeout(FLUSH_MS)).then(
    () => undefined,
    () => undefined,
  );
}
