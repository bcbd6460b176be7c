import { type Clock, OmniError } from "@omni/core";

/** A signal that aborts when nothing has moved for a while, or when the one above it does. */
export class Stall {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #above: AbortSignal | undefined;
  readonly #stop = (): void => this.#controller.abort(this.#above?.reason);
  #movedAt: number;
  #timer: unknown;

  constructor(ms: number, clock: Clock, above: AbortSignal | undefined) {
    this.#ms = ms;
    this.#clock = clock;
    this.#above = above;
    this.#movedAt = clock.now();
    if (above?.aborted) this.#stop();
    above?.addEventListener("abort", this.#stop, { once: true });
    this.#arm(ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something moved. */
  moved(): void {
    this.#movedAt = this.#clock.now();
  }

  /** Nobody waits any more. */
  release(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#above?.removeEventListener("abort", this.#stop);
  }

  // One timer for the whole copy: it looks when something last moved, instead of being set anew for every chunk.
  #arm(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      const rest = this.#movedAt + this.#ms - this.#clock.now();
      if (rest > 0) this.#arm(rest);
      else
        this.#controller.abort(
          new OmniError("TIMEOUT", {
            operation: "copy",
            reason: `nothing moved for ${this.#ms} ms; give a longer timeoutMs where that is usual`,
            outcome: "unknown",
          }),
        );
    }, ms);
  }
}
