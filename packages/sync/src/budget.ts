import { OmniError } from "@omni/core";
import type { Job } from "./options.ts";
import type { Tally } from "./tally.ts";

/** When a run ends before it is done: by bytes, by time, by failures, or because its caller says so. */
export class Budget {
  readonly #job: Job;
  readonly #tally: Tally;
  readonly #controller = new AbortController();
  readonly #abort = (): void => this.#controller.abort(this.#job.signal?.reason);
  readonly #timer: unknown;
  #admitted = 0;

  constructor(job: Job, tally: Tally) {
    this.#job = job;
    this.#tally = tally;
    if (job.signal?.aborted) this.#abort();
    job.signal?.addEventListener("abort", this.#abort, { once: true });
    if (job.maxDurationMs !== undefined) this.#timer = job.clock.setTimeout(() => this.#stop("maxDurationMs"), job.maxDurationMs);
  }

  /** Ends requests under way. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether nothing new is to begin. */
  get isOver(): boolean {
    return this.#tally.stopped !== undefined || this.#controller.signal.aborted;
  }

  /** Whether a copy that was admitted may no longer begin, since it waited too long: its bytes are counted, its time is over. */
  get isTooLate(): boolean {
    return this.#controller.signal.aborted || (this.#tally.stopped !== undefined && this.#tally.stopped !== "maxTransferBytes");
  }

  /** Whether a copy of so many bytes may begin. */
  admits(bytes: number): boolean {
    if (this.isOver) return false;
    const { maxTransferBytes, cutoff } = this.#job;
    if (maxTransferBytes !== undefined) {
      // What would be broken off is not begun; soft lets the one that passes the limit finish.
      const passes = cutoff === "soft" ? this.#admitted >= maxTransferBytes : this.#admitted + bytes > maxTransferBytes;
      if (passes) {
        this.#tally.stopped ??= "maxTransferBytes";
        return false;
      }
    }
    this.#admitted += bytes;
    return true;
  }

  release(): void {
    this.#job.signal?.removeEventListener("abort", this.#abort);
    if (this.#timer !== undefined) this.#job.clock.clearTimeout(this.#timer);
  }

  #stop(limit: "maxDurationMs"): void {
    this.#tally.stopped ??= limit;
    if (this.#job.cutoff !== "hard") return;
    this.#controller.abort(
      new OmniError("TIMEOUT", { reason: `cut off by ${limit}: ${this.#job.maxDurationMs}`, retryable: false, outcome: "unknown" }),
    );
  }
}
