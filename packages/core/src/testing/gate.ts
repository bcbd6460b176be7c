/** Where calls wait until somebody opens. */
export class Gate {
  readonly #waiting = new Set<() => void>();

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when the gate is opened next, or rejects with the signal's reason. */
  wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const leave = (): void => {
        this.#waiting.delete(go);
        signal?.removeEventListener("abort", stop);
      };
      const go = (): void => {
        leave();
        resolve();
      };
      const stop = (): void => {
        leave();
        reject(signal?.reason);
      };
      this.#waiting.add(go);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /** Lets all go that wait now. */
  open(): void {
    for (const go of [...this.#waiting]) go();
  }
}
