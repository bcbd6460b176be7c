/** Runs tasks side by side, at most so many at once. Tasks handle their own errors; one that throws all the same ends the pool. */
export class Pool {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #broken: { readonly error: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts a task as soon as there is room; resolves when it has started, so that whoever adds waits for the pool. */
  async add(task: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#limit) await new Promise<void>((resume) => this.#waiting.push(resume));
    if (this.#broken) throw this.#broken.error;
    const run = task()
      .catch((error: unknown) => {
        this.#broken ??= { error };
      })
      .finally(() => {
        this.#running.delete(run);
        this.#waiting.shift()?.();
      });
    this.#running.add(run);
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#broken) throw this.#broken.error;
  }
}
