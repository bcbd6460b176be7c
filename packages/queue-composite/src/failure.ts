import { MultiError } from "@omni/core";
import { type CompositeOutcome, isAcked, isRefused } from "./outcome.ts";
import type { Strategy } from "./strategy.ts";

/** The error of a publish to several members. Of a list of messages each outcome has the `id` of its message. */
export type CompositeError = MultiError<CompositeOutcome> & {
  /** Resolves to the outcomes of all members, those among them that had not answered when the publish failed. Never rejects. */
  readonly settled: Promise<readonly CompositeOutcome[]>;
};

/** What a failed publish tells. */
export interface FailureParts {
  readonly strategy: Strategy;
  readonly decision: "rejected" | "in-doubt";
  readonly topic: string;
  readonly outcomes: readonly CompositeOutcome[];
  readonly settled: Promise<readonly CompositeOutcome[]>;
}

export function failureOf({ strategy, decision, topic, outcomes, settled }: FailureParts): CompositeError {
  const failed = outcomes.filter((outcome) => !isAcked(outcome) && !outcome.pending);
  const partial = strategy === "quorum" ? "QUORUM_FAILED" : "PARTIAL_FAILURE";
  const error = new MultiError(decision === "in-doubt" ? "IN_DOUBT" : partial, outcomes, {
    backend: "composite",
    operation: "publish",
    topic,
    outcome: effectOf(outcomes),
    retryable: failed.every((outcome) => outcome.error?.retryable === true),
  });
  // Not enumerable: a logged error shows `outcomes`, which is what was known when it was made.
  return Object.defineProperty(error, "settled", { value: settled }) as CompositeError;
}

/** "Not applied" only when no member holds the message or may hold it. */
function effectOf(outcomes: readonly CompositeOutcome[]): "not-applied" | "unknown" | undefined {
  if (outcomes.every(isRefused)) return "not-applied";
  return outcomes.some((outcome) => outcome.state === "unknown") ? "unknown" : undefined;
}
