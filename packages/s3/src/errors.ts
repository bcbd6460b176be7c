import type { ErrorClass, ErrorCode } from "@omni/core";

/** What is known of the request that an error belongs to. Never holds a secret, a header or a query string. */
export interface RequestFacts {
  readonly operation?: string | undefined;
  readonly bucket?: string | undefined;
  /** Scheme, host and port. */
  readonly endpoint?: string | undefined;
  /** The region that the request was signed for. */
  readonly region?: string | undefined;
  /** The region that the store says the bucket is in. */
  readonly bucketRegion?: string | undefined;
  /** Whether the head of an answer asks to slow down: the one to a HEAD has no body to say so. */
  readonly slowDown?: boolean | undefined;
  /** Whether some attempt of the request may have taken effect. Absent for requests that change nothing. */
  readonly outcome?: "not-applied" | "unknown" | undefined;
}

const FACTS = Symbol.for("@omni/s3/facts@1");

/** Adds facts to an error of the SDK, in a field that is not printed. */
export function annotate<E>(error: E, facts: RequestFacts): E {
  if (typeof error === "object" && error !== null && Object.isExtensible(error))
    Object.defineProperty(error, FACTS, { value: { ...factsOf(error), ...facts }, configurable: true });
  return error;
}

/** The facts added so far. */
export function factsOf(error: unknown): RequestFacts {
  return (typeof error === "object" && error !== null && (error as { [FACTS]?: RequestFacts })[FACTS]) || {};
}

/** Whether the head of a 503 asks to slow down, by its words ("Slow Down") or by Retry-After. */
export function asksToSlowDown(words: string | undefined, retryAfter: string | undefined): boolean {
  return retryAfter !== undefined || /^slow ?down$/i.test(words ?? "");
}

/** The HTTP status of an answer that was an error; `undefined` where no answer came. */
export function statusOf(error: unknown): number | undefined {
  return shapeOf(error).$metadata?.httpStatusCode;
}

/** The error code of S3, or the name or system code of an error that is not an answer. */
export function codeOf(error: unknown): string {
  const { name, Code, code } = shapeOf(error);
  const generic =
    name === undefined ||
    name === "" ||
    name === "Error" ||
    name === "UnknownError" ||
    name === "Unknown" ||
    name === "AggregateError";
  return (generic ? (Code ?? code) : name) ?? "";
}

interface ErrorShape {
  readonly name?: string;
  readonly Code?: string;
  readonly code?: string;
  readonly message?: string;
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
  readonly errors?: readonly unknown[];
  readonly $metadata?: { readonly httpStatusCode?: number };
}

function shapeOf(error: unknown): ErrorShape {
  return typeof error === "object" && error !== null ? (error as ErrorShape) : {};
}

type Rule = ErrorCode | ((error: unknown, facts: RequestFacts) => Omit<ErrorClass, "outcome">);

const bucketMissing: Rule = (_, facts) => ({
  code: "INVALID_ARGUMENT",
  reason: `the bucket "${facts.bucket ?? ""}" does not exist at ${facts.endpoint ?? "the endpoint"}: create it, or correct the options "bucket", "endpoint" and "region"`,
});

const wrongRegion: Rule = (_, facts) => ({
  code: "INVALID_ARGUMENT",
  reason: facts.bucketRegion
    ? `the bucket "${facts.bucket ?? ""}" is in the region "${facts.bucketRegion}", the request was made for "${facts.region ?? "another"}": set the option "region" to "${facts.bucketRegion}"`
    : `the bucket "${facts.bucket ?? ""}" is not in the region "${facts.region ?? ""}": set the options "region" and "endpoint" to the bucket's`,
});

const credentials =
  (what: string): Rule =>
  () => ({
    code: "UNAUTHENTICATED",
    reason: `${what}: check the options "accessKeyId", "secretAccessKey" and "sessionToken", or the environment that they come from`,
  });

const clock: Rule = () => ({
  code: "UNAUTHENTICATED",
  reason: "this machine's clock differs too much from the store's: set the clock (for example by NTP)",
});

const throttled: Rule = () => ({
  code: "RATE_LIMITED",
  reason: "the store asks to slow down: lower the concurrency, or try again later",
});

const conflict: Rule = () => ({
  code: "UNAVAILABLE",
  retryable: true,
  reason: "another write to the same path is under way: try again",
});

const archived: Rule = () => ({
  code: "UNAVAILABLE",
  retryable: false,
  reason: "the object is archived: restore it first, or read it from another storage class",
});

const unreachable: Rule = (error, facts) => {
  const shape = rootOf(error);
  const where =
    shape.hostname ??
    (shape.address === undefined ? facts.endpoint : `${shape.address}${shape.port === undefined ? "" : `:${shape.port}`}`);
  return {
    code: "UNAVAILABLE",
    reason: `cannot reach ${where ?? "the endpoint"} (${shape.code ?? codeOf(error)}): check the option "endpoint" and the network`,
  };
};

const broken: Rule = (error) => ({
  code: "UNAVAILABLE",
  reason: `the connection broke (${rootOf(error).code ?? codeOf(error)}): try again`,
});

const certificate: Rule = (error) => ({
  code: "UNAVAILABLE",
  retryable: false,
  reason: `the endpoint's certificate is not trusted (${rootOf(error).code ?? codeOf(error)}): check the option "endpoint", or add the authority with NODE_EXTRA_CA_CERTS`,
});

/** By error code; https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, the SDK's and Node's own names. */
const BY_CODE: Readonly<Record<string, Rule>> = {
  NoSuchKey: "NOT_FOUND",
  NotFound: "NOT_FOUND",
  NoSuchVersion: "NOT_FOUND",
  NoSuchUpload: "NOT_FOUND",
  NoSuchBucket: bucketMissing,
  AccessDenied: "PERMISSION_DENIED",
  AllAccessDisabled: "PERMISSION_DENIED",
  AccountProblem: "PERMISSION_DENIED",
  Forbidden: "PERMISSION_DENIED",
  InvalidObjectState: archived,
  InvalidAccessKeyId: credentials("the store does not know the access key"),
  SignatureDoesNotMatch: credentials(
    "the signature does not match: the secret key is wrong, or something on the way changed the request",
  ),
  InvalidToken: credentials("the session token is not valid"),
  ExpiredToken: credentials("the credentials have expired"),
  TokenRefreshRequired: credentials("the credentials have to be refreshed"),
  MissingSecurityHeader: credentials("the request was not signed as the store wants it"),
  CredentialsProviderError: credentials("no credentials were found"),
  NotSignedUp: credentials("the account is not signed up for the store"),
  RequestTimeTooSkewed: clock,
  RequestExpired: clock,
  PermanentRedirect: wrongRegion,
  TemporaryRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  PreconditionFailed: "PRECONDITION_FAILED",
  ConditionalRequestConflict: conflict,
  OperationAborted: conflict,
  EntityTooLarge: "TOO_LARGE",
  MaxMessageLengthExceeded: "TOO_LARGE",
  MetadataTooLarge: () => ({
    code: "TOO_LARGE",
    reason: "the metadata is larger than the store takes (2 KiB on Amazon S3): shorten it",
  }),
  KeyTooLongError: "INVALID_PATH",
  BadDigest: "CHECKSUM_MISMATCH",
  InvalidDigest: "CHECKSUM_MISMATCH",
  XAmzContentSHA256Mismatch: "CHECKSUM_MISMATCH",
  XAmzContentChecksumMismatch: "CHECKSUM_MISMATCH",
  InvalidArgument: "INVALID_ARGUMENT",
  InvalidRequest: "INVALID_ARGUMENT",
  InvalidBucketName: "INVALID_ARGUMENT",
  InvalidStorageClass: "INVALID_ARGUMENT",
  InvalidTag: "INVALID_ARGUMENT",
  InvalidPart: "INVALID_ARGUMENT",
  InvalidPartOrder: "INVALID_ARGUMENT",
  EntityTooSmall: "INVALID_ARGUMENT",
  MalformedXML: "INVALID_ARGUMENT",
  NotImplemented: "NOT_SUPPORTED",
  MethodNotAllowed: "NOT_SUPPORTED",
  SlowDown: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  TooManyRequests: throttled,
  TooManyRequestsException: throttled,
  RequestLimitExceeded: throttled,
  BandwidthLimitExceeded: throttled,
  RequestTimeout: "TIMEOUT",
  TimeoutError: "TIMEOUT",
  ServiceUnavailable: "UNAVAILABLE",
  InternalError: "UNAVAILABLE",
  ECONNREFUSED: unreachable,
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: "TIMEOUT",
  ECONNRESET: broken,
  EPIPE: broken,
  ERR_STREAM_PREMATURE_CLOSE: broken,
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate,
  SELF_SIGNED_CERT_IN_CHAIN: certificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate,
  CERT_HAS_EXPIRED: certificate,
  ERR_TLS_CERT_ALTNAME_INVALID: certificate,
};

/** By HTTP status, where the code says nothing: an answer to HEAD has no body, and proxies answer in their own words. */
const BY_STATUS: Readonly<Record<number, Rule>> = {
  301: wrongRegion,
  307: wrongRegion,
  400: "INVALID_ARGUMENT",
  401: credentials("the store refuses the credentials"),
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "NOT_SUPPORTED",
  408: "TIMEOUT",
  409: conflict,
  411: "INVALID_ARGUMENT",
  412: "PRECONDITION_FAILED",
  413: "TOO_LARGE",
  416: "INVALID_ARGUMENT",
  429: throttled,
  501: "NOT_SUPPORTED",
};

/**
 * What an error of the SDK, of Node's network layer or of the store means, with the remedy where there is one. Pure.
 *
 * @returns `undefined` for what is none of these
 */
export function classifyError(cause: unknown): ErrorClass | undefined {
  const facts = factsOf(cause);
  const rule = ruleFor(cause);
  if (rule === undefined) return facts.outcome === undefined ? undefined : { code: "UNKNOWN", outcome: facts.outcome };
  const found = typeof rule === "string" ? { code: rule } : rule(cause, facts);
  const reason = found.reason ?? storeWords(cause, found.code);
  return {
    ...found,
    ...(reason === undefined ? {} : { reason }),
    ...(facts.outcome === undefined ? {} : { outcome: facts.outcome }),
  };
}

function ruleFor(cause: unknown): Rule | undefined {
  const byCode = lookup(codeOf(cause)) ?? lookup(rootOf(cause).code ?? "");
  if (byCode !== undefined) return byCode;
  const status = statusOf(cause);
  if (status === undefined) return undefined;
  if (status === 503 && factsOf(cause).slowDown) return throttled;
  return BY_STATUS[status] ?? (status >= 500 ? "UNAVAILABLE" : undefined);
}

function lookup(code: string): Rule | undefined {
  return Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
}

// What the store said of a request that it calls wrong is the best reason there is.
function storeWords(cause: unknown, code: ErrorCode): string | undefined {
  const { message } = shapeOf(cause);
  if (message === undefined || message === "" || message === "UnknownError") return undefined;
  if (code !== "INVALID_ARGUMENT" && code !== "NOT_SUPPORTED" && code !== "CHECKSUM_MISMATCH" && code !== "TOO_LARGE")
    return undefined;
  return `the store says: ${message} (${codeOf(cause) || statusOf(cause)})`;
}

// Node's connect over several addresses fails with an AggregateError whose parts have the details.
function rootOf(error: unknown): ErrorShape {
  const shape = shapeOf(error);
  const inner = shape.errors?.[0];
  return shape.address === undefined && shape.hostname === undefined && inner !== undefined
    ? { ...shapeOf(inner), ...withoutUndefined(shape) }
    : shape;
}

function withoutUndefined(shape: ErrorShape): ErrorShape {
  return shape.code === undefined ? {} : { code: shape.code };
}

// Answers that say: nothing was done, come back later.
const REFUSED = new Set([
  "SlowDown",
  "ServiceUnavailable",
  "Throttling",
  "ThrottlingException",
  "TooManyRequests",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "BandwidthLimitExceeded",
]);

// Failures before a byte of the request went out.
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "CredentialsProviderError",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** Whether one attempt of a request that failed with this error may have taken effect at the store. Pure. */
export function mayHaveApplied(error: unknown): boolean {
  const code = codeOf(error);
  if (REFUSED.has(code) || NOT_SENT.has(code) || NOT_SENT.has(rootOf(error).code ?? "")) return false;
  const status = statusOf(error);
  return status === undefined || status < 300 || status >= 500;
}
