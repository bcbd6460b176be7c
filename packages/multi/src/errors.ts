import { MultiError } from "@omni/core";
import type { MultiSettings } from "./options.ts";
import type { WriteOutcome } from "./outcome.ts";

/**
 * The error of a group over its members' outcomes.
 *
 * @param isDecided whether it takes effect although no member confirmed it
 */
export function groupError(
  operation: string,
  path: string,
  outcomes: readonly WriteOutcome[],
  { mode }: MultiSettings,
  isDecided = false,
): MultiError<WriteOutcome> {
  return memberError(mode === "quorum" ? "QUORUM_FAILED" : "PARTIAL_FAILURE", operation, path, outcomes, isDecided);
}

/** What members missed of a change that enough others took. */
export function missed(operation: string, path: string, outcomes: readonly WriteOutcome[]): MultiError<WriteOutcome> {
  return memberError("PARTIAL_FAILURE", operation, path, outcomes);
}

function memberError(
  code: "QUORUM_FAILED" | "PARTIAL_FAILURE",
  operation: string,
  path: string,
  outcomes: readonly WriteOutcome[],
  isDecided = false,
): MultiError<WriteOutcome> {
  const changed = isDecided || outcomes.some(({ state }) => state === "committed" || state === "unknown");
  const retryable = outcomes.every(({ error }) => error === undefined || (error as { retryable?: unknown }).retryable === true);
  return new MultiError(code, outcomes, {
    backend: "multi",
    operation,
    path,
    outcome: changed ? "unknown" : "not-applied",
    retryable,
  });
}
