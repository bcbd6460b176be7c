// Long enough never to matter.
const IDLE_MS = 2 ** 30;

/** Keeps the process alive while something is under way that only connections in the background know of. */
export class KeepAlive {
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  hold(): void {
    this.#held += 1;
    if (this.#held > 1) return;
    // One timer for all its life: setting one for each message costs more.
    if (this.#timer) this.#timer.ref();
    else this.#timer = setInterval(() => undefined, IDLE_MS);
  }

  release(): void {
    this.#held -= 1;
    if (this.#held === 0) this.#timer?.unref();
  }

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
