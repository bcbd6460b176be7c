import { Breaker } from "../breaker.ts";
import { type Clock, delay, systemClock } from "../clock.ts";
import { OmniError } from "../error.ts";
import { type Backoff, toBackoff } from "./backoff.ts";
import { checkCount, checkMs } from "./check.ts";
import type { Middleware } from "./handler.ts";

/** What every middleware with a sense of time takes. */
export interface MiddlewareOptions {
  /** Time, for tests. @default the machine's */
  readonly clock?: Clock | undefined;
}

/** How often a handler is called for one delivery, and how long is waited between two calls. */
export interface RetryOptions extends MiddlewareOptions {
  /** Calls of the handler, the first included. @default 3 */
  readonly attempts?: number | undefined;
  /** @default exponential from 100 ms to 30 s, with jitter */
  readonly backoff?: Backoff | undefined;
  /** Which errors are worth another call. @default all */
  readonly retryIf?: ((error: unknown) => boolean) | undefined;
}

/** Calls the handler again at once, before the delivery counts as failed. The message stays with this consumer meanwhile. */
export function retry(options: RetryOptions = {}): Middleware {
  const attempts = checkCount("attempts", options.attempts ?? 3);
  const backoff = toBackoff(options.backoff);
  const { clock = systemClock, retryIf = () => true } = options;
  return (next) => async (message, context) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(message, context);
      } catch (error) {
        if (attempt >= attempts || !retryIf(error)) throw error;
        await delay(backoff(attempt), clock, context.signal);
      }
    }
  };
}

/** Gives up on the handler after so many milliseconds: its signal aborts, and the delivery fails with TIMEOUT. */
export function timeout(ms: number, options: MiddlewareOptions = {}): Middleware {
  checkMs("timeout", ms);
  const { clock = systemClock } = options;
  return (next) => async (message, context) => {
    const controller = new AbortController();
    const follow = (): void => controller.abort(context.signal.reason);
    if (context.signal.aborted) follow();
    context.signal.addEventListener("abort", follow, { once: true });
    let timer: unknown;
    const over = new Promise<never>((_, reject) => {
      timer = clock.setTimeout(() => {
        const error = new OmniError("TIMEOUT", {
          operation: "consume",
          topic: context.topic,
          reason: `the handler took longer than ${ms} ms`,
        });
        reject(error);
        controller.abort(error);
      }, ms);
    });
    try {
      return await Promise.race([next(message, { ...view(context), signal: controller.signal }), over]);
    } finally {
      clock.clearTimeout(timer);
      context.signal.removeEventListener("abort", follow);
    }
  };
}

/** How many handlers may start within how long. */
export interface ThrottleOptions extends MiddlewareOptions {
  /** Handlers that may start within `perMs`. */
  readonly count: number;
  /** Milliseconds. @default 1_000 */
  readonly perMs?: number | undefined;
}

/** Starts at most so many handlers within any time of that length; the others wait their turn. */
export function throttle(options: ThrottleOptions): Middleware {
  const count = checkCount("throttle.count", options.count);
  const perMs = checkMs("throttle.perMs", options.perMs ?? 1_000);
  const { clock = systemClock } = options;
  const starts: number[] = [];
  return (next) => async (message, context) => {
    // Reserved before the wait, so that many who wait get one turn each.
    const before = starts.length < count ? undefined : starts.shift();
    const at = Math.max(clock.now(), before === undefined ? 0 : before + perMs);
    starts.push(at);
    const waitMs = at - clock.now();
    if (waitMs > 0) await delay(waitMs, clock, context.signal);
    return next(message, context);
  };
}

/** When handlers are held back because they fail, and for how long. */
export interface CircuitBreakerOptions extends MiddlewareOptions {
  /** Failures in a row that open the circuit. @default 5 */
  readonly failures?: number | undefined;
  /** Milliseconds until one handler is let through to try. @default 10_000 */
  readonly openMs?: number | undefined;
  /** Told when it opens and closes. */
  readonly onChange?: ((state: "open" | "closed") => void) | undefined;
}

/**
 * After so many failures in a row no handler runs for a while: what they depend on is spared, and messages wait here instead of using up their
 * deliveries. Then one is tried.
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): Middleware {
  const { clock = systemClock, onChange, failures, openMs } = options;
  const breaker = new Breaker({ failures, openMs }, clock, "circuitBreaker");
  let trying: Promise<unknown> | undefined;
  const run = async (call: () => unknown): Promise<unknown> => {
    try {
      const result = await call();
      const wasOpen = breaker.state !== "closed";
      breaker.record("success");
      if (wasOpen) onChange?.("closed");
      return result;
    } catch (error) {
      const before = breaker.state;
      breaker.record("failure");
      if (before === "closed" && breaker.state === "open") onChange?.("open");
      throw error;
    }
  };
  return (next) => async (message, context) => {
    while (!breaker.allows()) {
      if (breaker.state === "half-open") await trying?.catch(() => undefined);
      else await delay(breaker.openUntil - clock.now(), clock, context.signal);
    }
    const running = run(() => next(message, context));
    if (breaker.state !== "half-open") return running;
    trying = running;
    return running.finally(() => {
      trying = undefined;
    });
  };
}

/** The fields of a context, which may be getters, for a copy with another signal. */
function view(context: Parameters<Parameters<Middleware>[0]>[1]): typeof context {
  return {
    topic: context.topic,
    group: context.group,
    attempt: context.attempt,
    signal: context.signal,
    dedupe: context.dedupe,
    extend: () => context.extend(),
  };
}
