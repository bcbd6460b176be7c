import { DRAIN_MS } from "./consumer.ts";

/** Something that can be closed within a time: a queue, a consumer, a server wrapped in an object. */
export interface Drainable {
  /** Ends it; what is under way has `drainMs` milliseconds. */
  close(options: { readonly drainMs: number }): Promise<unknown>;
}

/** Which signals drain, how long that may take, and who is told. */
export interface DrainOptions {
  /** @default ["SIGTERM", "SIGINT"] */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
  /** Milliseconds that handlers and publishes may take to end. @default 30_000 */
  readonly drainMs?: number | undefined;
  /** Told when it begins, with the signal. */
  readonly onDrain?: ((signal: NodeJS.Signals) => void) | undefined;
  /** Told when something could not be closed. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Drains when the process is told to end: closes everything at once, then lets the signal end the process, so that its exit status is the
 * signal's. A second signal ends it at once.
 *
 * @returns takes the handlers away
 */
export function drainOnSignal(what: Drainable | readonly Drainable[], options: DrainOptions = {}): () => void {
  const { signals = ["SIGTERM", "SIGINT"], drainMs = DRAIN_MS, onDrain, onError } = options;
  const remove = (): void => {
    for (const signal of signals) process.removeListener(signal, drain);
  };
  const drain = (signal: NodeJS.Signals): void => {
    remove();
    onDrain?.(signal);
    const all = isMany(what) ? what : [what];
    void Promise.allSettled(all.map((one) => one.close({ drainMs }))).then((results) => {
      for (const result of results) if (result.status === "rejected") onError?.(result.reason);
      process.kill(process.pid, signal);
    });
  };
  for (const signal of signals) process.on(signal, drain);
  return remove;
}

function isMany(what: Drainable | readonly Drainable[]): what is readonly Drainable[] {
  return Array.isArray(what);
}
