import type { Clock } from "./clock.ts";
import { OmniError } from "./error.ts";

/** When a breaker leaves a member alone, and for how long. */
export interface BreakerOptions {
  /** Failures in a row after which the member is left alone. @default 5 */
  readonly failures?: number | undefined;
  /** Milliseconds until one call tries it again. @default 10_000 */
  readonly openMs?: number | undefined;
  /** Share of `openMs`, from 0 to 1, by which it is lengthened at random, so that processes do not try again together. @default 0 */
  readonly jitter?: number | undefined;
  /** A number from 0 to below 1. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** `"half-open"`: one call is trying whether the member works again. */
export type BreakerState = "closed" | "open" | "half-open";

/** How a call ended, as a breaker sees it: `"neutral"` says nothing of the member. */
export type BreakerWord = "success" | "failure" | "neutral";

/** Leaves a store or broker alone that fails again and again. */
export class Breaker {
  readonly #clock: Clock;
  readonly #failures: number;
  readonly #openMs: () => number;
  #failed = 0;
  #openUntil = 0;
  #state: BreakerState = "closed";

  /**
   * @param options `false` = it never opens
   * @param clock counts `openMs`
   * @param name what errors call it
   * @throws OmniError INVALID_ARGUMENT
   */
  constructor(options: BreakerOptions | false, clock: Clock, name = "breaker") {
    this.#clock = clock;
    const { failures = 5, openMs = 10_000, jitter = 0, random = Math.random } = options || {};
    check(`${name}.failures`, failures, Number.isInteger(failures) && failures >= 1, "a whole number, 1 or more");
    check(`${name}.openMs`, openMs, typeof openMs === "number" && openMs > 0, "a positive number of milliseconds");
    check(`${name}.jitter`, jitter, typeof jitter === "number" && jitter >= 0 && jitter <= 1, "a number from 0 to 1");
    this.#failures = options === false ? Number.POSITIVE_INFINITY : failures;
    this.#openMs = () => openMs * (1 + jitter * random());
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** When the next call may try, in milliseconds since the epoch. */
  get openUntil(): number {
    return this.#openUntil;
  }

  /** Whether a call may go; who gets `true` has to `record` how it ended. */
  allows(): boolean {
    if (this.#state === "closed") return true;
    if (this.#state === "half-open" || this.#clock.now() < this.#openUntil) return false;
    this.#state = "half-open";
    return true;
  }

  /** Notes how a call ended. */
  record(word: BreakerWord): void {
    if (word === "success") {
      this.#failed = 0;
      this.#state = "closed";
    } else if (word === "failure") {
      this.#failed += 1;
      if (this.#state === "half-open" || this.#failed >= this.#failures) this.#open();
    } else if (this.#state === "half-open") {
      // The trial said nothing: the next call is one.
      this.#state = "open";
    }
  }

  #open(): void {
    this.#state = "open";
    this.#openUntil = this.#clock.now() + this.#openMs();
  }
}

function check(name: string, value: unknown, fits: boolean, expected: string): void {
  if (fits) return;
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  throw new OmniError("INVALID_ARGUMENT", { reason: `${name} is ${shown}, it has to be ${expected}`, outcome: "not-applied" });
}
