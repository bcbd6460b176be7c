import type { Clock } from "@omni/core";
import { count, milliseconds } from "./check.ts";

export interface BreakerOptions {
  /** Failed publishes in a row after which the member is left alone. @default 5 */
  readonly failures?: number | undefined;
  /** Milliseconds until one publish tries it again. @default 10_000 */
  readonly openMs?: number | undefined;
}

/** `"half-open"`: one publish is trying whether the broker works again. */
export type BreakerState = "closed" | "open" | "half-open";

/** How a call to a broker ended, as a breaker sees it: `"neutral"` says nothing of the broker. */
export type BreakerWord = "success" | "failure" | "neutral";

/** Leaves a broker alone that fails again and again. */
export class Breaker {
  readonly #clock: Clock;
  readonly #failures: number;
  readonly #openMs: number;
  #failed = 0;
  #openUntil = 0;
  #state: BreakerState = "closed";

  /** @throws OmniError INVALID_ARGUMENT */
  constructor(options: BreakerOptions | false, clock: Clock) {
    this.#clock = clock;
    this.#failures = options === false ? Number.POSITIVE_INFINITY : count("breaker.failures", options.failures ?? 5);
    this.#openMs = options === false ? 0 : milliseconds("breaker.openMs", options.openMs ?? 10_000);
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** When the next publish may try, in milliseconds since the epoch. */
  get openUntil(): number {
    return this.#openUntil;
  }

  /** Whether a publish may go; who gets `true` has to `record` how it ended. */
  allows(): boolean {
    if (this.#state === "closed") return true;
    if (this.#state === "half-open" || this.#clock.now() < this.#openUntil) return false;
    this.#state = "half-open";
    return true;
  }

  record(word: BreakerWord): void {
    if (word === "success") {
      this.#failed = 0;
      this.#state = "closed";
    } else if (word === "failure") {
      this.#failed += 1;
      if (this.#state === "half-open" || this.#failed >= this.#failures) this.#open();
    } else if (this.#state === "half-open") {
      // The trial said nothing: the next publish is one.
      this.#state = "open";
    }
  }

  #open(): void {
    this.#state = "open";
    this.#openUntil = this.#clock.now() + this.#openMs;
  }
}
