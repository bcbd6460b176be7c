/** At which call to a store a process ends, counted from 1, and whether that call still takes effect. */
export interface EndsAt {
  readonly call: number;
  readonly after: boolean;
}

/** A process that may end at one of its calls: from then on nothing of it goes out; what it sent before may still arrive. */
export class Mortal {
  #left: { calls: number; readonly after: boolean } | undefined;
  readonly #over: (() => void)[] = [];

  /** Lets it live on, or end at a call from now. @returns resolves when it has ended */
  end(at: EndsAt | undefined): Promise<void> {
    this.#left = at && { calls: at.call, after: at.after };
    return new Promise((over) => {
      this.#over.push(over);
    });
  }

  /** Every call of the process passes through here. */
  readonly around = async <T>(call: () => Promise<T>): Promise<T> => {
    const left = this.#left;
    if (left === undefined) return call();
    left.calls -= 1;
    if (left.calls > 0) return call();
    if (left.calls === 0 && left.after) await call().catch(() => {});
    for (const over of this.#over) over();
    return new Promise(() => {});
  };
}
