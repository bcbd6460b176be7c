import type { Clock } from "@omni/core";
import { createClock } from "@sinonjs/fake-timers";

/** A clock that jumps to its next timer whenever nothing else can happen, until told that all is over. */
export class VirtualTime implements Clock {
  readonly #clock = createClock(1_000_000);

  now(): number {
    return this.#clock.now;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    return this.#clock.setTimeout(callback, Math.ceil(ms));
  }

  clearTimeout(timer: unknown): void {
    this.#clock.clearTimeout(timer as number);
  }

  /** Lets time pass until the promise has settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = promise.finally(() => {
      settled = true;
    });
    done.catch(() => undefined);
    while (!settled) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!settled) await this.#clock.nextAsync();
    }
    return done;
  }
}
