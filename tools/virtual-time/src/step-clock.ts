import type { Clock } from "@omni/core";

/** A clock that fires its timers in order while time passes. */
export class StepClock implements Clock {
  #now = 1_000;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): object {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers = this.#timers.filter((one) => one !== timer);
  }

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Lets so many milliseconds pass. */
  pass(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const [first] = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (!first) break;
      this.clearTimeout(first);
      this.#now = Math.max(this.#now, first.at);
      first.callback();
    }
    this.#now = until;
  }
}
