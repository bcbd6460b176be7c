import type { Clock } from "@omni/core";
import { createClock } from "@sinonjs/fake-timers";

const START_MS = 1_000_000;
const LONGEST_MS = 24 * 60 * 60 * 1_000;

/** Turns of the event loop without a timer after which nothing more is expected. */
const IDLE_TURNS = 1_000;

/** A clock that jumps to its next timer whenever nothing else can happen, until told that all is over. */
export class VirtualTime implements Clock {
  readonly #clock = createClock(START_MS);

  now(): number {
    return this.#clock.now;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    return this.#clock.setTimeout(callback, Math.ceil(ms));
  }

  clearTimeout(timer: unknown): void {
    this.#clock.clearTimeout(timer as number);
  }

  /**
   * Lets time pass until the promise has settled.
   *
   * @throws Error when it never will: no timer is left
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = promise.finally(() => {
      settled = true;
    });
    done.catch(() => undefined);
    for (let idle = 0; !settled; ) {
      await new Promise((resolve) => setImmediate(resolve));
      idle = this.#clock.countTimers() === 0 ? idle + 1 : 0;
      if (idle > IDLE_TURNS) throw new Error("nothing is left that could happen, and the promise has not settled");
      if (this.#clock.now > START_MS + LONGEST_MS) throw new Error("the promise has not settled in a whole day");
      if (!settled) await this.#clock.nextAsync();
    }
    return done;
  }
}
