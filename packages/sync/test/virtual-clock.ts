import type { Clock } from "@omni/core";

/** Turns of the event loop without a new timer after which nothing else is going on. */
const QUIET_TURNS = 12;

/** A clock that jumps to its next timer whenever nothing else is going on: hours pass in no time. Only for stores in memory. */
export class VirtualClock implements Clock {
  #now: number;
  #timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  #next = 1;
  #quiet = 0;
  #isTurning = false;

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): number {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + ms, callback });
    this.#quiet = 0;
    if (!this.#isTurning) this.#turn();
    return id;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
    this.#quiet = 0;
  }

  #turn(): void {
    this.#isTurning = this.#timers.size > 0;
    if (!this.#isTurning) return;
    setImmediate(() => {
      if (++this.#quiet > QUIET_TURNS) this.#jump();
      this.#turn();
    });
  }

  #jump(): void {
    const [first] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
    if (!first) return;
    const [id, { at, callback }] = first;
    this.#timers.delete(id);
    this.#now = Math.max(this.#now, at);
    this.#quiet = 0;
    callback();
  }
}
