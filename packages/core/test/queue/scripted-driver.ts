import type { DriverPublishOptions, PublishOutcome, QueueDriver, QueueDriverFeatures, WireMessage } from "@omni/core/queue";

/** One call of `publish` that waits for its answer. */
export interface PublishCall {
  readonly topic: string;
  readonly batch: readonly WireMessage[];
  readonly texts: readonly string[];
  readonly options: DriverPublishOptions;
  answer(...outcomes: readonly PublishOutcome[]): void;
  /** All of the batch. */
  answerAll(outcome: PublishOutcome): void;
  throw(error: unknown): void;
}

/** A driver whose every publish is answered by the test. */
export class ScriptedDriver {
  readonly calls: PublishCall[] = [];
  readonly driver: QueueDriver;

  constructor(features: Partial<QueueDriverFeatures> = {}, more: Partial<QueueDriver> = {}) {
    this.driver = {
      name: "scripted",
      features: { delivery: "at-least-once", ...features },
      publish: (topic, batch, options) => this.#call(topic, batch, options),
      subscribe: () => Promise.reject(new Error("nothing to subscribe to")),
      ...more,
    };
  }

  get last(): PublishCall {
    const call = this.calls.at(-1);
    if (!call) throw new Error("publish was not called");
    return call;
  }

  #call(topic: string, batch: readonly WireMessage[], options: DriverPublishOptions): Promise<readonly PublishOutcome[]> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        topic,
        batch,
        texts: batch.map(({ body }) => Buffer.from(body).toString()),
        options,
        answer: (...outcomes) => resolve(outcomes),
        answerAll: (outcome) => resolve(batch.map(() => outcome)),
        throw: reject,
      });
    });
  }
}
