/** Every way in which an operation of Omni can fail, with the words that its message ends in. The union {@link ErrorCode} derives from it. */
export const ERROR_CODES = {
  NOT_FOUND: "not found",
  ALREADY_EXISTS: "already exists",
  PRECONDITION_FAILED: "precondition failed: the object changed",
  PERMISSION_DENIED: "permission denied",
  UNAUTHENTICATED: "not authenticated",
  INVALID_PATH: "invalid path",
  INVALID_ARGUMENT: "invalid argument",
  NOT_SUPPORTED: "not supported",
  TOO_LARGE: "too large",
  RATE_LIMITED: "rate limited",
  UNAVAILABLE: "unavailable",
  TIMEOUT: "timed out",
  CHECKSUM_MISMATCH: "checksum mismatch",
  BACKEND_CLOSED: "the backend is closed",
  WRITER_CLOSED: "the writer is closed",
  READER_CLOSED: "the reader is closed",
  UNKNOWN_BACKEND: "unknown backend",
  NOT_INSTALLED: "the package is not installed",
  QUEUE_FULL: "the queue is full",
  PARTIAL_FAILURE: "some members failed",
  QUORUM_FAILED: "the quorum was not reached",
  IN_DOUBT: "the outcome is not known",
  UNKNOWN: "failed",
} as const;

/** The closed set of error codes. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Codes after which the same call may succeed without anybody changing anything. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set(["RATE_LIMITED", "UNAVAILABLE", "TIMEOUT"]);

/** Where an error happened and what is known of its effect. */
export interface ErrorContext {
  /** Scheme or name of the backend or broker. */
  readonly backend?: string | undefined;
  /** The operation in the words of the contract: `read`, `write`, `publish`. */
  readonly operation?: string | undefined;
  /** Path of the object. */
  readonly path?: string | undefined;
  /** Topic of the message. */
  readonly topic?: string | undefined;
  /** Whether the same call may succeed later. @default true for RATE_LIMITED, UNAVAILABLE and TIMEOUT */
  readonly retryable?: boolean | undefined;
  /** Whether a change certainly did not take effect, or may have. Absent where nothing could change. */
  readonly outcome?: "not-applied" | "unknown" | undefined;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** What {@link OmniError} takes beside its code. */
export interface ErrorDetails extends ErrorContext {
  /** What went wrong and what to do, without backend, operation and path. @default the words of the code */
  readonly reason?: string | undefined;
}

// Two copies of core may meet in one program: a brand and not `instanceof` says what an error is.
const BRAND = Symbol.for("@omni/core/OmniError@1");

/**
 * The one error class of Omni. Its message has the form `s3 read "a/b": not found`.
 *
 * Test with {@link OmniError.is}, never with `instanceof`.
 */
export class OmniError extends Error implements ErrorContext {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly backend: string | undefined;
  readonly operation: string | undefined;
  readonly path: string | undefined;
  readonly topic: string | undefined;
  readonly retryable: boolean;
  readonly outcome: "not-applied" | "unknown" | undefined;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const reason = details.reason ?? ERROR_CODES[code];
    super(describe(details, reason), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "OmniError";
    this.code = code;
    this.reason = reason;
    this.backend = details.backend;
    this.operation = details.operation;
    this.path = details.path;
    this.topic = details.topic;
    this.retryable = details.retryable ?? RETRYABLE.has(code);
    this.outcome = details.outcome;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /**
   * Whether `error` is an OmniError of this or of another copy of core, and, when codes are given, has one of them.
   *
   * @param error anything that was thrown
   * @param codes the codes to accept; none = any
   */
  static is(error: unknown, ...codes: readonly ErrorCode[]): error is OmniError {
    if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
    return codes.length === 0 || codes.includes((error as { code?: unknown }).code as ErrorCode);
  }

  /** The fields as plain data, the cause left out: it may hold what must not be logged. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, backend, operation, path, topic, retryable, outcome } = this;
    return { name, code, message, backend, operation, path, topic, retryable, outcome };
  }
}

/** How one member of a group fared. Packages add fields of their own. */
export interface MemberOutcome {
  /** Name of the member. */
  readonly member: string;
  /** Where the member ended. */
  readonly state: string;
  /** Why, when it did not end well. */
  readonly error?: Error | undefined;
}

const MULTI_BRAND = Symbol.for("@omni/core/MultiError@1");

/** The codes of an error over several members. */
export type MultiErrorCode = "PARTIAL_FAILURE" | "QUORUM_FAILED" | "IN_DOUBT";

/**
 * An operation over several members that did not end as asked. The message is the first error's and the number of the others; the cause is
 * the first error; `outcomes` has every member.
 */
export class MultiError<O extends MemberOutcome = MemberOutcome> extends OmniError {
  /** The errors of the members that failed, in the order of the members. */
  readonly errors: readonly Error[];
  /** Every member, in the order of the group. */
  readonly outcomes: readonly O[];

  constructor(code: MultiErrorCode, outcomes: readonly O[], details: ErrorDetails = {}) {
    const errors = outcomes.flatMap((outcome) => (outcome.error ? [outcome.error] : []));
    super(code, { ...details, reason: details.reason ?? summary(code, errors), cause: details.cause ?? errors[0] });
    this.name = "MultiError";
    this.message = this.reason;
    this.errors = errors;
    this.outcomes = outcomes;
    Object.defineProperty(this, MULTI_BRAND, { value: true });
  }

  /** Whether `error` is a MultiError, and, when codes are given, has one of them. */
  static override is(error: unknown, ...codes: readonly ErrorCode[]): error is MultiError {
    return OmniError.is(error, ...codes) && MULTI_BRAND in error;
  }

  /** Whether some member failed with this code. */
  some(code: ErrorCode): boolean {
    return this.errors.some((error) => OmniError.is(error, code));
  }

  /** Whether there are errors and all of them have this code. */
  every(code: ErrorCode): boolean {
    return this.errors.length > 0 && this.errors.every((error) => OmniError.is(error, code));
  }
}

/** What a driver says of an error of its SDK. Core adds where it happened. */
export interface ErrorClass extends Pick<ErrorDetails, "reason" | "retryable" | "outcome"> {
  readonly code: ErrorCode;
}

/**
 * Gives an error its context, once. An OmniError that has a context stays as it is; one without is completed; anything else is classified.
 *
 * @param cause what was thrown
 * @param context where it happened
 * @param classify the driver's classification
 */
export function wrapError(
  cause: unknown,
  context: ErrorContext,
  classify?: (cause: unknown) => ErrorCode | ErrorClass | undefined,
): OmniError {
  if (OmniError.is(cause)) {
    if (cause.operation !== undefined || MultiError.is(cause)) return cause;
    const { code, reason, retryable, outcome } = cause;
    return new OmniError(code, { ...context, reason, retryable, outcome: outcome ?? context.outcome, cause: cause.cause });
  }
  const found = classify?.(cause) ?? "UNKNOWN";
  const known: ErrorClass = typeof found === "string" ? { code: found } : found;
  const reason = known.reason ?? (known.code === "UNKNOWN" ? messageOf(cause) : undefined);
  return new OmniError(known.code, {
    ...context,
    reason,
    retryable: known.retryable,
    outcome: known.outcome ?? context.outcome,
    cause,
  });
}

/** A change that timed out, and of which nobody says what became, may have taken effect. */
export function doubtWhereTimedOut(error: OmniError): OmniError {
  if (error.code !== "TIMEOUT" || error.outcome !== undefined) return error;
  const { reason, backend, operation, path, topic, retryable, cause } = error;
  return new OmniError("TIMEOUT", { reason, backend, operation, path, topic, retryable, cause, outcome: "unknown" });
}

function describe(context: ErrorContext, reason: string): string {
  const subject = context.path ?? context.topic;
  const where = [context.backend, context.operation, subject === undefined ? undefined : quote(subject)].filter(
    (part) => part !== undefined,
  );
  return where.length === 0 ? reason : `${where.join(" ")}: ${reason}`;
}

/** A path or topic as it stands in a message: quoted, control characters escaped, never longer than a line. */
export function quote(text: string): string {
  const shown = text.length > 200 ? `${text.slice(0, 120)}… (${text.length} characters)` : text;
  return JSON.stringify(shown);
}

function summary(code: ErrorCode, errors: readonly Error[]): string {
  const [first, ...others] = errors;
  if (!first) return ERROR_CODES[code];
  return others.length === 0 ? first.message : `${first.message} (and ${others.length} more errors)`;
}

function messageOf(cause: unknown): string {
  return redact(cause instanceof Error && cause.message !== "" ? cause.message : `failed with ${String(cause)}`);
}

/** Text without what a signed URL, a URL's user part or an authorization header would give away. */
export function redact(text: string): string {
  return text
    .replace(
      /([?&](?:x-amz-[\w-]+|x-goog-[\w-]+|signature|sig|token|access_?token|key|api_?key|awsaccesskeyid|googleaccessid|credential)=)[^&\s"'<>]*/gi,
      "$1***",
    )
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s@"']+@/gi, "$1***@")
    .replace(/(authorization\W{1,4}|bearer\s+)[^\s"',;]+(?:\s+[^\s"',;]{8,})?/gi, "$1***");
}
