import type { Clock } from "@omni/core";

/**
 * A clock that jumps to its next timer as soon as nothing else can happen: everything under test runs in microtasks, so that an empty turn of the
 * event loop means that all wait for time.
 */
export class AutoClock implements Clock {
  #now = 1_000_000;
  #timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  #next = 1;
  #looking = false;

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): number {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + ms, callback });
    this.#look();
    return id;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Timers that nobody cleared. */
  get pending(): number {
    return this.#timers.size;
  }

  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    setImmediate(() => {
      this.#looking = false;
      const [first] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
      if (!first) return;
      const [id, { at, callback }] = first;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, at);
      callback();
      if (this.#timers.size > 0) this.#look();
    });
  }
}
