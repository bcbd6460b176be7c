import type { Clock } from "../clock.ts";

/**
 * The right to work until a moment. The moment counts from when the refresh was **sent**, by a monotonic clock, and by the machine's clock too: a
 * machine that slept has stopped the former. Whichever comes first ends it.
 */
export class Lease {
  readonly #clock: Clock;
  readonly #monotonic: () => number;
  readonly #leaseMs: number;
  readonly #onEnd: () => void;
  #until: Moment | undefined;
  #timer: unknown;

  constructor(parts: { clock: Clock; monotonic: () => number; leaseMs: number; onEnd: () => void }) {
    this.#clock = parts.clock;
    this.#monotonic = parts.monotonic;
    this.#leaseMs = parts.leaseMs;
    this.#onEnd = parts.onEnd;
  }

  /** To be handed to {@link renew} when the refresh has succeeded. */
  sentNow(): Moment {
    return { monotonic: this.#monotonic(), wall: this.#clock.now() };
  }

  get holds(): boolean {
    return this.#until !== undefined && this.#leftMs(this.#until) > 0;
  }

  renew(sent: Moment): void {
    this.#until = { monotonic: sent.monotonic + this.#leaseMs, wall: sent.wall + this.#leaseMs };
    this.#watch();
  }

  /** Without a call of `onEnd`. */
  drop(): void {
    this.#until = undefined;
    this.#clock.clearTimeout(this.#timer);
  }

  #watch(): void {
    this.#clock.clearTimeout(this.#timer);
    const until = this.#until;
    if (!until) return;
    this.#timer = unheld(
      this.#clock.setTimeout(
        () => {
          if (this.#until !== until) return;
          if (this.#leftMs(until) > 0) return this.#watch();
          this.#until = undefined;
          this.#onEnd();
        },
        Math.max(1, this.#leftMs(until)),
      ),
    );
  }

  #leftMs(until: Moment): number {
    return Math.min(until.monotonic - this.#monotonic(), until.wall - this.#clock.now());
  }
}

/** One moment on two clocks. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** A timer that keeps no process alive. */
export function unheld(timer: unknown): unknown {
  if (typeof timer === "object" && timer !== null && "unref" in timer) (timer as NodeJS.Timeout).unref();
  return timer;
}
