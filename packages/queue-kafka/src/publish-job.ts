import { type DriverPublishOptions, type PublishOutcome, type WireMessage, whenAborted } from "@omni/core/queue";
import type { OutgoingRecord } from "./client.ts";

/** One call of `publish`. */
export class Job {
  readonly batch: readonly WireMessage[];
  readonly done: Promise<readonly PublishOutcome[]>;
  readonly #outcomes: (PublishOutcome | undefined)[];
  readonly #items: Item[] = [];
  #forget: (() => void) | undefined;
  #open: number;
  readonly #onEnd: (job: Job) => void;
  #resolve!: (outcomes: readonly PublishOutcome[]) => void;

  constructor(batch: readonly WireMessage[], options: DriverPublishOptions, onEnd: (job: Job) => void) {
    this.batch = batch;
    this.#onEnd = onEnd;
    this.#open = batch.length;
    this.#outcomes = new Array(batch.length);
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#forget = whenAborted(options, (reason) => this.#abort(reason));
  }

  get isSettled(): boolean {
    return this.#open === 0;
  }

  hold(item: Item): void {
    this.#items.push(item);
  }

  /** The first word on a message counts. */
  settle(index: number, outcome: PublishOutcome): void {
    if (this.#outcomes[index]) return;
    this.#outcomes[index] = outcome;
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#forget?.();
    this.#onEnd(this);
    this.#resolve(this.#outcomes as PublishOutcome[]);
  }

  isSettledAt(index: number): boolean {
    return this.#outcomes[index] !== undefined;
  }

  /** Nothing of it was handed over. */
  reject(error: unknown): void {
    for (let index = 0; index < this.batch.length; index++) this.settle(index, { state: "rejected", error });
  }

  // What waits was not handed over; what is with the client may be stored, now or later: https://github.com/tulios/kafkajs/issues/534
  #abort(reason: unknown): void {
    const unknown = this.#items.filter((item) => item.handedOver);
    for (const item of unknown) item.settle({ state: "unknown", error: reason });
    this.reject(reason);
    for (const item of this.#items) item.onAbandoned?.();
  }
}

/** One message of a job on its way. */
export class Item {
  readonly record: OutgoingRecord;
  readonly bytes: number;
  /** The client has, or had, it. */
  handedOver = false;
  /** Told when nobody waits for it any more. */
  onAbandoned: (() => void) | undefined;
  readonly #job: Job;
  readonly #index: number;

  constructor(job: Job, index: number, record: OutgoingRecord, bytes: number) {
    this.#job = job;
    this.#index = index;
    this.record = record;
    this.bytes = bytes;
    job.hold(this);
  }

  get isSettled(): boolean {
    return this.#job.isSettledAt(this.#index);
  }

  settle(outcome: PublishOutcome): void {
    this.#job.settle(this.#index, outcome);
  }
}
