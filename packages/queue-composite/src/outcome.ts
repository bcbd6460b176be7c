import { type MemberOutcome, OmniError, wrapError } from "@omni/core";
import type { Position, PublishOutcome, WireMessage } from "@omni/core/queue";
import type { Member } from "./member.ts";

/** How one member fared with one message. */
export interface CompositeOutcome extends MemberOutcome {
  /** `"skipped"`: its breaker is open, nothing was sent. */
  readonly state: "acked" | "duplicate" | "rejected" | "unknown" | "skipped";
  readonly error?: OmniError | undefined;
  /** Milliseconds until its word came, or until it was given up. */
  readonly latencyMs: number;
  /** Where its broker put the message, if it says. */
  readonly position?: Position | undefined;
  /** It had not answered yet when the publish was decided by the others. */
  readonly pending?: true | undefined;
}

/** What a member's driver said, with an error that names the member. */
export function outcomeOf(
  member: Member,
  topic: string,
  message: WireMessage,
  said: PublishOutcome,
  latencyMs: number,
): CompositeOutcome {
  const { state, position } = said;
  if (state === "acked" || state === "duplicate") return { member: member.name, state, error: undefined, latencyMs, position };
  return { member: member.name, state, error: errorOf(member, topic, message, said), latencyMs, position };
}

function errorOf(member: Member, topic: string, message: WireMessage, said: PublishOutcome): OmniError {
  const context = { backend: member.name, operation: "publish", topic };
  const { classifyError } = member.driver;
  const outcome = said.state === "rejected" ? "not-applied" : undefined;
  const found = wrapError(said.error ?? new OmniError("UNKNOWN"), { ...context, outcome }, classifyError);
  if (said.state === "rejected" || found.code === "IN_DOUBT") return found;
  const reason = `the broker may or may not hold message ${message.id} (${found.reason}); publish it again under the same id only`;
  return new OmniError("IN_DOUBT", { ...context, reason, outcome: "unknown", retryable: true, cause: found });
}

/** The member has not answered. */
export function pendingOutcome(member: Member, latencyMs: number): CompositeOutcome {
  return { member: member.name, state: "unknown", error: undefined, latencyMs, position: undefined, pending: true };
}

export function isAcked(outcome: CompositeOutcome): boolean {
  return outcome.state === "acked" || outcome.state === "duplicate";
}

/** Whether the member certainly does not hold the message by this call. */
export function isRefused(outcome: CompositeOutcome): boolean {
  return outcome.state === "rejected" || outcome.state === "skipped";
}
