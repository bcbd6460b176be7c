import type { Clock } from "../clock.ts";

/** A place in a {@link DeadlineList}. */
export interface DeadlineEntry {
  previous: DeadlineEntry | undefined;
  next: DeadlineEntry | undefined;
  /** Milliseconds since the epoch, set by who makes the entry; 0 = it is over, or has none. */
  dueAt: number;
  /** Called once when the time has come. */
  expire(): void;
}

/**
 * Deadlines of one length: they end in the order in which they began, so that a linked list and one timer do. Costs no timer per
 * entry.
 */
export class DeadlineList {
  /** Milliseconds. */
  readonly lengthMs: number;
  readonly #clock: Clock;

  #first: DeadlineEntry | undefined;
  #last: DeadlineEntry | undefined;
  #timer: unknown;

  constructor(lengthMs: number, clock: Clock) {
    this.lengthMs = lengthMs;
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Takes in what is due `lengthMs` from now. */
  add(entry: DeadlineEntry): void {
    entry.previous = this.#last;
    entry.next = undefined;
    if (this.#last) this.#last.next = entry;
    else this.#first = entry;
    this.#last = entry;
    if (this.#timer === undefined) this.#timer = this.#arm(this.lengthMs);
    else if (!entry.previous) refOf(this.#timer)?.ref?.();
  }

  remove(entry: DeadlineEntry): void {
    entry.dueAt = 0;
    if (entry.previous) entry.previous.next = entry.next;
    else if (this.#first === entry) this.#first = entry.next;
    // It never came here.
    else return;
    if (entry.next) entry.next.previous = entry.previous;
    else this.#last = entry.previous;
    entry.previous = undefined;
    entry.next = undefined;
    // The timer is left to run out where more may come: setting one anew for each entry is what this list saves.
    // Idle, it must not keep the process alive.
    if (!this.#first) refOf(this.#timer)?.unref?.();
  }

  clear(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(ms: number): unknown {
    return this.#clock.setTimeout(() => this.#fire(), ms);
  }

  #fire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (let entry = this.#first; entry && entry.dueAt <= now; entry = this.#first) {
      this.remove(entry);
      entry.expire();
    }
    if (this.#first) this.#timer ??= this.#arm(Math.max(1, this.#first.dueAt - now));
  }
}

/** A timer of Node; a clock of the tests may give something else. */
function refOf(timer: unknown): { ref?(): unknown; unref?(): unknown } | undefined {
  return typeof timer === "object" && timer !== null ? timer : undefined;
}
