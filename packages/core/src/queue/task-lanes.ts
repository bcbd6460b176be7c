import type { OpenDelivery } from "./subscription.ts";

/** A delivery that waits for its handler, or has one. */
export class Task {
  readonly delivery: OpenDelivery;
  /** Attempts made here, beyond those that the broker counts. */
  retries = 0;
  /** The backoff that it rests in. */
  timer: unknown = undefined;
  /** It is over. */
  isOver = false;
  /** The next one in the line it stands in. */
  next: Task | undefined = undefined;

  constructor(delivery: OpenDelivery) {
    this.delivery = delivery;
  }

  get key(): string | undefined {
    return this.delivery.message.key;
  }

  get attempt(): number {
    return this.delivery.attempt + this.retries;
  }
}

/** First in, first out, without an allocation per task. */
class Line {
  #first: Task | undefined;
  #last: Task | undefined;

  push(task: Task): void {
    task.next = undefined;
    if (this.#last) this.#last.next = task;
    else this.#first = task;
    this.#last = task;
  }

  shift(): Task | undefined {
    const task = this.#first;
    this.#first = task?.next;
    if (!this.#first) this.#last = undefined;
    return task;
  }
}

/**
 * Starts tasks: at most so many at once, of one key one at a time and in the order in which they came. A task that rests keeps its key's lane and
 * frees its place.
 */
export class TaskLanes {
  readonly #limit: number;
  readonly #start: (task: Task) => void;
  readonly #held = new Set<Task>();
  readonly #lanes = new Map<string, Line>();
  readonly #ready = new Line();
  readonly #idle = new Set<() => void>();
  #halted = false;
  #starting = false;
  #running = 0;

  constructor(limit: number, start: (task: Task) => void) {
    this.#limit = limit;
    this.#start = start;
  }

  /** Tasks that run now. */
  get running(): number {
    return this.#running;
  }

  /** Everything that is here: running, waiting, resting. */
  held(): Iterable<Task> {
    return this.#held;
  }

  add(task: Task): void {
    const { key } = task;
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (lane) {
      lane.push(task);
    } else {
      if (key !== undefined) this.#lanes.set(key, new Line());
      this.#ready.push(task);
      this.#go();
    }
    // Most that begin at once are over by now.
    if (!task.isOver) this.#held.add(task);
  }

  /** The task is over: the next one of its key may run. */
  finish(task: Task): void {
    task.isOver = true;
    this.#held.delete(task);
    const { key } = task;
    if (key !== undefined) {
      const next = this.#lanes.get(key)?.shift();
      if (next) this.#ready.push(next);
      else this.#lanes.delete(key);
    }
    this.#leave();
  }

  /** The running task waits before its next attempt. */
  rest(): void {
    this.#leave();
  }

  /** A task that rested is ready again. */
  resume(task: Task): void {
    this.#ready.push(task);
    this.#go();
  }

  /** Starts nothing more. */
  halt(): void {
    this.#halted = true;
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.add(resolve));
  }

  #leave(): void {
    this.#running -= 1;
    this.#go();
    if (this.#running > 0 || this.#idle.size === 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  // A task may end within its start: who starts goes on then, so that the stack does not grow with the number of tasks.
  #go(): void {
    if (this.#starting) return;
    this.#starting = true;
    try {
      while (!this.#halted && this.#running < this.#limit) {
        const task = this.#ready.shift();
        if (!task) return;
        this.#running += 1;
        this.#start(task);
      }
    } finally {
      this.#starting = false;
    }
  }
}
