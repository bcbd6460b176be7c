// Long enough never to matter.
const IDLE_MS = 2 ** 30;

/** Keeps the process alive while something is under way that only connections in the background know of. */
export class KeepAlive {
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  async while<T>(work: Promise<T>): Promise<T> {
    this.#held += 1;
    this.#timer ??= setInterval(() => undefined, IDLE_MS);
    try {
      return await work;
    } finally {
      this.#held -= 1;
      if (this.#held === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    }
  }
}
