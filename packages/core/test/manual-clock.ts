import type { Clock } from "@omni/core";

/** A clock that goes when it is told to. */
export class ManualClock implements Clock {
  #now = 0;
  #timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  #next = 1;

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): number {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + ms, callback });
    return id;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Timers that have not fired and were not cleared. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets so much time pass, and everything happen that waits for nothing else. */
  async advance(ms: number): Promise<void> {
    await settled();
    this.#now += ms;
    for (const [id, { at, callback }] of [...this.#timers].sort(([, a], [, b]) => a.at - b.at)) {
      if (at > this.#now || !this.#timers.delete(id)) continue;
      callback();
      await settled();
    }
  }
}

/** An empty turn of the event loop: all microtasks are done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
