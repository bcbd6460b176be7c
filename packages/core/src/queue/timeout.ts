import type { Clock } from "../clock.ts";
import { type ErrorContext, OmniError } from "../error.ts";

/** What {@link withTimeout} needs. */
export interface TimeoutParts<T> {
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Where it happens, for the error. */
  readonly context: ErrorContext;
  /** Takes a result that came after its caller was told of the timeout. */
  late?(result: T): void;
}

/**
 * Runs a call that ends when the caller's signal aborts or the time is over, whether the call listens to its signal or not.
 *
 * @throws OmniError TIMEOUT; `signal.reason` itself
 */
export function withTimeout<T>(call: (signal: AbortSignal) => Promise<T>, parts: TimeoutParts<T>): Promise<T> {
  const { signal, timeoutMs, clock, context } = parts;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const controller = new AbortController();
    let open = true;
    const end = (): void => {
      open = false;
      clock.clearTimeout(timer);
      signal?.removeEventListener("abort", follow);
    };
    const giveUp = (reason: unknown): void => {
      if (!open) return;
      end();
      controller.abort(reason);
      // What the call says in this turn is more precise than that the time is over.
      setImmediate(() => reject(reason));
    };
    const follow = (): void => giveUp(signal?.reason);
    const over = (): void =>
      giveUp(new OmniError("TIMEOUT", { ...context, reason: `no answer from the broker within ${timeoutMs} ms` }));
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimeout(over, timeoutMs);
    signal?.addEventListener("abort", follow, { once: true });
    call(controller.signal).then(
      (result) => {
        if (!open) return parts.late?.(result);
        end();
        resolve(result);
      },
      (error) => {
        if (open) end();
        reject(error);
      },
    );
  });
}
