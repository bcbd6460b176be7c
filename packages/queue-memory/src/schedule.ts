import type { Clock } from "@omni/core";
import type { MemoryDelivery } from "./delivery.ts";

/** Deliveries that wait for their time: a binary heap and one timer. Messages that are not delayed never come here. */
export class Schedule {
  readonly #clock: Clock;
  readonly #due: (delivery: MemoryDelivery) => void;
  readonly #heap: MemoryDelivery[] = [];
  #timer: unknown;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, due: (delivery: MemoryDelivery) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(delivery: MemoryDelivery): void {
    const heap = this.#heap;
    let at = heap.push(delivery) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isSooner(heap[at]!, heap[above]!)) break;
      [heap[at], heap[above]] = [heap[above]!, heap[at]!];
      at = above;
    }
    this.#arm();
  }

  clear(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#heap.length = 0;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (!first || this.#timerAt <= first.dueAt) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timerAt = first.dueAt;
    this.#timer = this.#clock.setTimeout(() => this.#fire(), Math.max(0, first.dueAt - this.#clock.now()));
  }

  #fire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (let first = this.#heap[0]; first && first.dueAt <= now; first = this.#heap[0]) {
      this.#takeFirst();
      this.#due(first);
    }
    this.#arm();
  }

  #takeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const below of [2 * at + 1, 2 * at + 2]) if (below < heap.length && isSooner(heap[below]!, heap[least]!)) least = below;
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}

// Of two that are due together the one published first goes first.
function isSooner(a: MemoryDelivery, b: MemoryDelivery): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.sequence < b.sequence);
}
