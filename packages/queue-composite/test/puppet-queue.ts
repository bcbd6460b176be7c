import { OmniError } from "@omni/core";
import {
  createQueue,
  type PublishOutcome,
  type QueueDriver,
  type QueueDriverFeatures,
  type QueueProvider,
  type WireMessage,
} from "@omni/core/queue";

/** How a puppet answers a publish. */
export type Answer = "acked" | "duplicate" | "rejected" | "unknown" | "hang" | "throws";

/** A publish that a puppet saw. */
export interface Seen {
  readonly topic: string;
  readonly batch: readonly WireMessage[];
  answer(outcomes: readonly PublishOutcome[]): void;
}

export interface Puppet {
  readonly queue: QueueProvider;
  readonly seen: Seen[];
  /** The answer from now on; "manual" = by `seen[i].answer`. */
  answer: Answer | "manual";
  error: Error;
  isClosed: boolean;
}

/** A queue whose broker says what the test wants. */
export function puppetQueue(
  name: string,
  answer: Puppet["answer"] = "acked",
  features: Partial<QueueDriverFeatures> = { pipelined: true },
  more: Partial<QueueDriver> = {},
): Puppet {
  const seen: Seen[] = [];
  const driver: QueueDriver = {
    name,
    features,
    publish: (topic, batch) => {
      if (puppet.answer === "throws") {
        seen.push({ topic, batch, answer: () => undefined });
        throw puppet.error;
      }
      return new Promise((resolve) => {
        seen.push({ topic, batch, answer: resolve });
        const state = puppet.answer;
        if (state === "hang" || state === "manual" || state === "throws") return;
        const error = state === "rejected" || state === "unknown" ? puppet.error : undefined;
        resolve(batch.map(() => ({ state, error })));
      });
    },
    subscribe: () => Promise.reject(new OmniError("NOT_SUPPORTED", { reason: "a puppet delivers nothing" })),
    close: async () => {
      puppet.isClosed = true;
    },
    ...more,
  };
  const puppet: Puppet = {
    queue: createQueue(driver),
    seen,
    answer,
    error: new OmniError("UNAVAILABLE", { reason: `${name} is down` }),
    isClosed: false,
  };
  return puppet;
}
