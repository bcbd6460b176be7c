import type { Clock } from "./clock.ts";
import { OmniError } from "./error.ts";

/**
 * How long a change may still settle after it was cancelled, in milliseconds: most drivers answer at once, and then the caller learns what really
 * became of it.
 */
const SETTLE_MS = 1_000;

/** Joins a caller's signal and a time limit into one signal, until it is released. */
export class Deadline {
  /** What the driver gets; absent when there is nothing to wait for. */
  readonly signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #user: AbortSignal | undefined;
  readonly #controller: AbortController | undefined;
  readonly #onUserAbort: () => void;
  #timer: unknown;
  #onStop: ((error: unknown) => void) | undefined;
  #stopped: { readonly error: unknown } | undefined;

  constructor(clock: Clock, user: AbortSignal | undefined, timeoutMs: number | undefined) {
    this.#clock = clock;
    this.#user = user;
    // A single signal is passed through: joining two costs microseconds per call.
    this.#controller = timeoutMs === undefined ? undefined : new AbortController();
    this.signal = this.#controller?.signal ?? user;
    this.#onUserAbort = () => this.#stop(user?.reason);
    user?.addEventListener("abort", this.#onUserAbort, { once: true });
    if (timeoutMs !== undefined)
      this.#timer = clock.setTimeout(
        () => this.#stop(new OmniError("TIMEOUT", { reason: `timed out after ${timeoutMs} ms` })),
        timeoutMs,
      );
  }

  /** The time limit is met; the caller's signal goes on to count. */
  met(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  /** Nothing is waited for any more. */
  release(): void {
    this.met();
    this.#user?.removeEventListener("abort", this.#onUserAbort);
  }

  /** Calls once with the error when the signal aborts or the time is over; before the driver is told. */
  onStop(listener: (error: unknown) => void): void {
    if (this.#stopped) listener(this.#stopped.error);
    else {
      const earlier = this.#onStop;
      this.#onStop = (error) => {
        earlier?.(error);
        listener(error);
      };
    }
  }

  #stop(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = { error };
    this.release();
    this.#onStop?.(error);
    this.#controller?.abort(error);
  }

  /**
   * Waits for work that may never answer.
   *
   * @param work what was started under `signal`
   * @param settles whether a stopped work is still given a moment to say what became of it
   * @param wrap gives an error of the work its context
   */
  race<T>(work: Promise<T>, settles: boolean, wrap: (error: unknown) => unknown, late?: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let grace: unknown;
      let over = false;
      const end = (settle: () => void): void => {
        over = true;
        this.#clock.clearTimeout(grace);
        settle();
      };
      this.onStop((error) => {
        const give = (): void => end(() => reject(stopError(error, undefined, settles, wrap)));
        if (settles) grace = this.#clock.setTimeout(give, SETTLE_MS);
        else give();
      });
      work.then(
        (value) => (over ? late?.(value) : end(() => resolve(value))),
        (error) => {
          if (!over) end(() => reject(this.#stopped ? stopError(this.#stopped.error, error, settles, wrap) : wrap(error)));
        },
      );
    });
  }
}

/** An abort rejects with the caller's reason itself; a time limit with TIMEOUT that says what is known of the change. */
function stopError(stop: unknown, answer: unknown, changes: boolean, wrap: (error: unknown) => unknown): unknown {
  if (!OmniError.is(stop, "TIMEOUT") || stop.operation !== undefined) return stop;
  const known = OmniError.is(answer) ? answer.outcome : undefined;
  const outcome = changes ? (known ?? "unknown") : undefined;
  return wrap(new OmniError("TIMEOUT", { reason: stop.reason, outcome, cause: answer }));
}
