import { type ErrorCode, OmniError } from "@omni/core";

/** Members classify their own errors before this driver sees them: anything else is a bug. */
export function classifyError(_cause: unknown): ErrorCode | undefined {
  return undefined;
}

/** Codes that say something about the call or about how full the queue is, and nothing about whether the broker works. */
const CALLERS: readonly ErrorCode[] = [
  "INVALID_ARGUMENT",
  "INVALID_PATH",
  "TOO_LARGE",
  "NOT_SUPPORTED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PRECONDITION_FAILED",
  "PERMISSION_DENIED",
  "QUEUE_FULL",
  "BACKEND_CLOSED",
];

/** Whether an error speaks against the broker: only such errors open a breaker. */
export function isBrokersFault(error: unknown): boolean {
  return !OmniError.is(error, ...CALLERS);
}
