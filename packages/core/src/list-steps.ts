import type { Clock } from "./clock.ts";
import { OmniError } from "./error.ts";
import type { ObjectInfo } from "./object-info.ts";
import type { Core } from "./runner.ts";

type Step = IteratorResult<ObjectInfo, unknown>;

/**
 * A driver's listing, one entry at a time, each under the signal and the time limit, so that a store that stops answering is noticed. One listener and one
 * timer serve all entries: most are at hand already and must cost next to nothing.
 */
export class ListSteps {
  readonly #core: Core;
  readonly #prefix: string;
  readonly #wrap: (error: unknown) => unknown;
  readonly #items: AsyncIterator<ObjectInfo>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #timeoutMs: number | undefined;
  readonly #abort = (): void => this.#stop(this.#signal?.reason);
  #timer: unknown;
  #begunAt = 0;
  #reject: ((reason: unknown) => void) | undefined;
  #ended = false;
  #stuck = false;

  /** @param timeoutMs for each entry */
  constructor(
    core: Core,
    items: AsyncIterable<ObjectInfo>,
    prefix: string,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
  ) {
    this.#core = core;
    this.#prefix = prefix;
    this.#wrap = core.run.wrap("list", prefix);
    this.#items = items[Symbol.asyncIterator]();
    this.#clock = core.run.clock;
    this.#signal = signal;
    this.#timeoutMs = core.run.limits({ timeoutMs }).timeoutMs;
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** The next entry; rejects as the driver does, with TIMEOUT, or with the signal's reason. */
  next(): Promise<Step> {
    this.#core.run.checkOpen("list", this.#prefix);
    this.#signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#begin();
      this.#items.next().then(
        (step) => {
          this.#reject = undefined;
          if (step.done) this.#ended = true;
          resolve(step);
        },
        (error) => {
          this.#reject = undefined;
          if (!this.#stuck) this.#ended = true;
          reject(this.#wrap(error));
        },
      );
    });
  }

  /** Nothing more is wanted. */
  async end(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
    // An iterator that does not answer would not answer to its end either.
    if (!this.#ended && !this.#stuck) await this.#items.return?.();
  }

  #begin(): void {
    if (this.#timeoutMs === undefined) return;
    this.#begunAt = this.#clock.now();
    if (this.#timer === undefined) this.#arm(this.#timeoutMs);
  }

  // Set when a step begins and left alone when it ends: it looks when the step that is waited for began.
  #arm(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#reject === undefined || this.#timeoutMs === undefined) return;
      const rest = this.#begunAt + this.#timeoutMs - this.#clock.now();
      if (rest > 0) this.#arm(rest);
      else this.#stop(this.#wrap(new OmniError("TIMEOUT", { reason: `timed out after ${this.#timeoutMs} ms` })));
    }, ms);
  }

  #stop(reason: unknown): void {
    if (this.#reject === undefined) return;
    this.#stuck = true;
    this.#reject(reason);
  }
}
