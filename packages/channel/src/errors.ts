import { type ErrorClass, type ErrorCode, OmniError } from "@omni/core";

/** Why a channel ended before its writers closed it. */
export interface Failure {
  /** What its readers reject with. */
  readonly reader: ErrorCode;
  /** What its writers reject with. */
  readonly writer: ErrorCode;
  readonly reason: string;
  readonly cause?: unknown;
}

/** The channel was deleted under its readers and writers. */
export const DELETED: Failure = { reader: "NOT_FOUND", writer: "WRITER_CLOSED", reason: "the channel was deleted" };

/** The backend was closed under its readers and writers. */
export const CLOSED: Failure = { reader: "BACKEND_CLOSED", writer: "BACKEND_CLOSED", reason: "the backend is closed" };

/** The channel ended while a broadcast waited for room. */
export const ENDED: Failure = { reader: "READER_CLOSED", writer: "WRITER_CLOSED", reason: "the channel ended" };

/** A writer gave up: whoever reads must not take what came so far for all of it. */
export function abortedBecause(cause: unknown): Failure {
  const { code, reason } = classifyError(cause);
  return { reader: code, writer: "WRITER_CLOSED", reason: `a writer aborted the channel: ${reason}`, cause };
}

/** What the reason of an abort says to those who read. Pure. */
export function classifyError(cause: unknown): ErrorClass & { readonly reason: string } {
  if (OmniError.is(cause)) return { code: cause.code, reason: cause.reason };
  if (isError(cause)) return { code: cause.name === "TimeoutError" ? "TIMEOUT" : "UNKNOWN", reason: cause.message || cause.name };
  return { code: "UNKNOWN", reason: cause === undefined ? "no reason given" : String(cause) };
}

/** Errors of other realms and DOMExceptions count, too. */
function isError(cause: unknown): cause is Error {
  return typeof cause === "object" && cause !== null && "name" in cause && "message" in cause && typeof cause.message === "string";
}

export function readerError({ reader, reason, cause }: Failure, path: string): OmniError {
  return new OmniError(reader, { backend: "channel", operation: "read", path, reason, cause, retryable: false });
}

export function writerError({ writer, reason, cause }: Failure, path: string): OmniError {
  return new OmniError(writer, {
    backend: "channel",
    operation: "write",
    path,
    reason,
    cause,
    retryable: false,
    outcome: "not-applied",
  });
}

/** Past a bound of `retain`. */
export function retainError(path: string, bound: "messages" | "bytes" | "ageMs", most: number): OmniError {
  const reason = `the channel would store more than retain.${bound} = ${most}; delete the path, or raise the bound`;
  return new OmniError("QUEUE_FULL", { backend: "channel", operation: "write", path, reason, outcome: "not-applied" });
}
