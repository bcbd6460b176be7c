import { type MemberOutcome, MultiError, OmniError } from "../error.ts";
import type { Message } from "./message.ts";
import type { PublishFailure, PublishResult } from "./provider.ts";

/** Whether an error is one of `publish`, and carries the messages to retry with. */
export function isPublishFailure(error: unknown): error is OmniError & PublishFailure {
  return OmniError.is(error) && "messages" in error && "results" in error;
}

/** The error of a publish of one message. */
export function failureOfOne(result: PublishResult): OmniError & PublishFailure {
  const error = result.error ?? new OmniError("UNKNOWN");
  // One error of the driver may stand for a whole batch: each caller gets one of its own to carry its message.
  return attach(isPublishFailure(error) ? copyOf(error) : error, [result.message], [result]);
}

/** The error of a publish of many, of which some were not acked. */
export function failureOfMany(results: readonly PublishResult[], provider: string): OmniError & PublishFailure {
  const failed = results.filter(isNotAcked);
  const code = failed.every((result) => result.state === "unknown") ? "IN_DOUBT" : "PARTIAL_FAILURE";
  const outcomes = failed.flatMap((result) => outcomesOf(result, provider));
  const states = `${failed.length} of ${results.length} messages were not acked; the first: ${failed[0]?.error?.message}`;
  const error = new MultiError(code, outcomes, {
    reason: states,
    outcome: failed.some((result) => result.state === "unknown") ? "unknown" : undefined,
    retryable: failed.every((result) => result.error?.retryable === true),
    cause: failed[0]?.error,
  });
  const settled = settledOf(failed);
  if (settled) Object.defineProperty(error, "settled", { value: settled });
  return attach(
    error,
    failed.map((result) => result.message),
    results,
  );
}

export function isNotAcked(result: PublishResult): boolean {
  return result.state === "rejected" || result.state === "unknown";
}

function outcomesOf(result: PublishResult, provider: string): readonly MemberOutcome[] {
  const { id, state, error } = result;
  if (result.outcomes) return result.outcomes.map((outcome) => ({ ...outcome, id }));
  const outcome: MemberOutcome & { readonly id: string } = { member: provider, state, error, id };
  return [outcome];
}

/** How the members end, where a driver over several of them does not wait for all; each outcome with the id of its message. */
function settledOf(failed: readonly PublishResult[]): Promise<readonly MemberOutcome[]> | undefined {
  const each = failed.map(({ id, error, outcomes = [] }) => {
    const { settled } = (error ?? {}) as Partial<PublishFailure>;
    return { id, settled, outcomes };
  });
  if (each.every(({ settled }) => settled === undefined)) return undefined;
  const ends = each.map(async ({ id, settled, outcomes }) => {
    const ended = (await settled) ?? outcomes;
    return ended.map((outcome) => ({ ...outcome, id }));
  });
  return Promise.all(ends).then((all) => all.flat());
}

function copyOf(error: OmniError): OmniError {
  if (MultiError.is(error))
    return new MultiError(error.code as "PARTIAL_FAILURE", error.outcomes, { ...detailsOf(error), cause: error.cause });
  return new OmniError(error.code, { ...detailsOf(error), cause: error });
}

function detailsOf(error: OmniError) {
  const { reason, backend, operation, path, topic, retryable, outcome } = error;
  return { reason, backend, operation, path, topic, retryable, outcome };
}

function attach(error: OmniError, messages: readonly Message[], results: readonly PublishResult[]): OmniError & PublishFailure {
  // Not enumerable: a logged error must not print the data.
  Object.defineProperties(error, { messages: { value: messages }, results: { value: results } });
  return error as OmniError & PublishFailure;
}
