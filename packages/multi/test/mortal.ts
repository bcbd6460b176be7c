/** At which call to a store a process ends, counted from 1, and whether that call still takes effect. */
export interface EndsAt {
  readonly call: number;
  readonly after: boolean;
}

/** A process that may end at one of its calls: from then on nothing of it goes out; what it sent before may still arrive. */
export class Mortal {
  #left: { calls: number; readonly after: boolean } | undefined;
  #hasEnded = false;
  readonly #over: () => void;
  readonly #ended: Promise<void>;

  constructor() {
    let over = (): void => {};
    this.#ended = new Promise((resolve) => {
      over = resolve;
    });
    this.#over = over;
  }

  /** Lets it live on, or end at a call from now; one that has ended stays so. @returns resolves when it has ended */
  end(at: EndsAt | undefined): Promise<void> {
    this.#left = at && { calls: at.call, after: at.after };
    return this.#ended;
  }

  /** Every call of the process passes through here. */
  readonly around = async <T>(call: () => Promise<T>): Promise<T> => {
    const left = this.#left;
    if (!this.#hasEnded) {
      if (left === undefined || --left.calls > 0) return call();
      this.#hasEnded = true;
      if (left.after) await call().catch(() => {});
      this.#over();
    }
    return new Promise(() => {});
  };
}
