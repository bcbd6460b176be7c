import { backoffMs, type CallOptions, delay, type ObjectInfo, OmniError, wrapError } from "@omni/core";
import { Pacer } from "./limits.ts";
import type { Job } from "./options.ts";
import type { Side } from "./side.ts";

/** Requests of a run: begun at the rate that is allowed, tried again only after errors that may pass. */
export class Requests {
  readonly #job: Job;
  readonly #pacer: Pacer;
  readonly #spacingMs: number;
  /** Ends everything: the caller's abort, or a limit that cuts hard. */
  readonly signal: AbortSignal;

  constructor(job: Job, signal: AbortSignal) {
    this.#job = job;
    this.#pacer = new Pacer(job.clock);
    this.#spacingMs = job.transactionsPerSecond === undefined ? 0 : 1_000 / job.transactionsPerSecond;
    this.signal = signal;
  }

  get call(): CallOptions {
    return { signal: this.signal, timeoutMs: this.#job.timeoutMs };
  }

  /** Waits until one more request may begin. */
  async turn(): Promise<void> {
    if (this.#spacingMs > 0) await this.#pacer.turn(this.#spacingMs, this.signal);
  }

  /**
   * Makes a request, again after an error that may pass.
   *
   * @param work told which attempt it is, from 1
   */
  async make<T>(work: (call: CallOptions, attempt: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      await this.turn();
      try {
        return await work(this.call, attempt);
      } catch (error) {
        this.signal.throwIfAborted();
        if (!OmniError.is(error) || !error.retryable || attempt > this.#job.retries) throw error;
        await delay(backoffMs(attempt), this.#job.clock, this.signal);
      }
    }
  }

  stat({ backend }: Side, path: string): Promise<ObjectInfo> {
    return this.make((call) => backend.stat(path, call));
  }
}

/** Whatever was thrown, as an error of Omni's. */
export function asOmniError(error: unknown): OmniError {
  return wrapError(error, {});
}
