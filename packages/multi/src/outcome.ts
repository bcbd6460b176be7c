import type { ErrorCode, MemberOutcome, ObjectInfo, ObjectWriter } from "@omni/core";
import { type MultiError, OmniError } from "@omni/core";

/** How far a member came. */
export type WritePhase = "open" | "write" | "stage" | "commit";

/** How one member of a group fared in a write or delete. */
export interface WriteOutcome extends MemberOutcome {
  /**
   * `committed`: it holds the new object. `failed`: it holds what it held. `discarded`: withdrawn because others failed; it holds what it held.
   * `unknown`: it holds the old object or the new one, whole. `pending`: decided, not yet confirmed here.
   */
  readonly state: "committed" | "failed" | "discarded" | "unknown" | "pending";
  readonly phase: WritePhase;
  /** Bytes that the member took. */
  readonly bytes: number;
  /** The member already holds a newer write: this one was accepted and is not seen there. */
  readonly superseded?: boolean | undefined;
  readonly error?: Error | undefined;
}

/** What a write to a group gives. */
export interface MultiObjectInfo extends ObjectInfo {
  /** Every member, in the order of the group. */
  readonly outcomes: readonly WriteOutcome[];
  /** The members that missed the write although it succeeded. */
  readonly failures?: MultiError<WriteOutcome> | undefined;
}

/** Writes an object to a group piece by piece. */
export interface MultiObjectWriter extends ObjectWriter {
  close(): Promise<MultiObjectInfo>;
}

/** Codes that say by themselves that nothing was changed. */
const DEFINITE: ReadonlySet<ErrorCode> = new Set([
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PRECONDITION_FAILED",
  "PERMISSION_DENIED",
  "UNAUTHENTICATED",
  "INVALID_PATH",
  "INVALID_ARGUMENT",
  "NOT_SUPPORTED",
  "TOO_LARGE",
  "RATE_LIMITED",
  "CHECKSUM_MISMATCH",
  "BACKEND_CLOSED",
  "WRITER_CLOSED",
  "NOT_INSTALLED",
]);

/** Whether an error says that the change it stands for certainly did not take effect. */
export function isNotApplied(error: unknown): boolean {
  if (!OmniError.is(error)) return false;
  return error.outcome === "not-applied" || (error.outcome === undefined && DEFINITE.has(error.code));
}

/** Anything thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new OmniError("UNKNOWN", { reason: String(thrown), cause: thrown });
}
