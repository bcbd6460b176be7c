import type { ErrorClass, ErrorCode } from "@omni/core";

/** What is known of the request that an error belongs to. Never holds a token, a header or a query string. */
export interface RequestFacts {
  /** Name of the method in the JSON API, or "token" for the request that gets one. */
  readonly operation?: string | undefined;
  readonly bucket?: string | undefined;
  /** Scheme, host and port. */
  readonly endpoint?: string | undefined;
  /** Whether the request went without credentials. */
  readonly anonymous?: boolean | undefined;
  /** Whether some attempt of the request may have taken effect. Absent for requests that change nothing. */
  readonly outcome?: "not-applied" | "unknown" | undefined;
}

const FACTS = Symbol.for("@omni/gcs/facts@1");

/** Adds facts to an error, in a field that is not printed. */
export function annotate<E>(error: E, facts: RequestFacts): E {
  if (typeof error === "object" && error !== null && Object.isExtensible(error))
    Object.defineProperty(error, FACTS, { value: { ...factsOf(error), ...facts }, configurable: true });
  return error;
}

/** The facts added so far. */
export function factsOf(error: unknown): RequestFacts {
  return (typeof error === "object" && error !== null && (error as { [FACTS]?: RequestFacts })[FACTS]) || {};
}

/** What an {@link GcsError} is made of. */
export interface GcsErrorDetails {
  readonly status?: number | undefined;
  /** The store's word for the reason: `notFound`, `rateLimitedExceeded`; `auth` where credentials could not be had. */
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** An answer of the store that is an error, or a failure to get credentials, with nothing in it that must not be logged. */
export class GcsError extends Error {
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { status, reason, retryAfterMs }: GcsErrorDetails) {
    super(message);
    this.name = "GcsError";
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The error of a request that names no object: what is missing is the bucket. */
export function asBucketMissing(error: unknown): unknown {
  if (statusOf(error) !== 404) return error;
  return annotate(new GcsError(wordsOf(error) ?? "", { status: 404, reason: "bucketNotFound" }), factsOf(error));
}

interface ErrorShape {
  readonly status?: unknown;
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly message?: string;
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
  readonly errors?: readonly unknown[];
  readonly retryAfterMs?: number;
}

function shapeOf(error: unknown): ErrorShape {
  return typeof error === "object" && error !== null ? (error as ErrorShape) : {};
}

/** The HTTP status of an answer that was an error; `undefined` where no answer came. */
export function statusOf(error: unknown): number | undefined {
  const { status } = shapeOf(error);
  return typeof status === "number" ? status : undefined;
}

/** How long the store asks to wait, in milliseconds. */
export function retryAfterOf(error: unknown): number | undefined {
  return shapeOf(error).retryAfterMs;
}

// Node's connect over several addresses fails with an AggregateError whose parts have the details.
function rootOf(error: unknown): ErrorShape {
  const shape = shapeOf(error);
  const inner = shape.errors?.[0];
  return shape.address === undefined && shape.hostname === undefined && inner !== undefined ? shapeOf(inner) : shape;
}

function codeOf(error: unknown): string {
  const code = shapeOf(error).code ?? rootOf(error).code;
  return typeof code === "string" ? code : "";
}

type Rule = ErrorCode | ((error: unknown, facts: RequestFacts) => Omit<ErrorClass, "outcome">);

const bucketMissing: Rule = (_, { bucket = "", endpoint = "the endpoint" }) => ({
  code: "INVALID_ARGUMENT",
  reason: `the bucket "${bucket}" does not exist at ${endpoint}: create it, or correct the options "bucket" and "apiEndpoint"`,
});

// What Google's token service says of a signed request whose times are not around its own.
const SKEWED = /short-lived token|reasonable timeframe|\biat and exp\b/i;

const credentials: Rule = (error, { anonymous }) => ({
  code: "UNAUTHENTICATED",
  reason: SKEWED.test(wordsOf(error) ?? "")
    ? "this machine's clock differs too much from the store's: set the clock (for example by NTP)"
    : anonymous
      ? 'the store wants credentials and none were sent: set the option "anonymous" to false, and give "credentials" or "credentialsFile"'
      : `${wordsOf(error) ?? "the store refuses the credentials"}: check the options "credentials" and "credentialsFile", or Application Default Credentials (GOOGLE_APPLICATION_CREDENTIALS, gcloud auth application-default login)`,
});

const noSigner: Rule = (error) => ({
  code: "UNAUTHENTICATED",
  reason: `${wordsOf(error) ?? "these credentials cannot sign"}: a signed URL needs the key of a service account in "credentials" or "credentialsFile", or on Google Cloud the role Service Account Token Creator`,
});

const forbidden: Rule = (error, { anonymous, bucket = "" }) => ({
  code: "PERMISSION_DENIED",
  reason: anonymous
    ? `the bucket "${bucket}" is not public and no credentials were sent: set the option "anonymous" to false, or give the public access`
    : `${wordsOf(error) ?? "permission denied"}: give the account a role such as Storage Object User on the bucket "${bucket}"`,
});

const throttled: Rule = () => ({
  code: "RATE_LIMITED",
  reason: "the store asks to slow down: lower the concurrency, write one path less than once a second, or try again later",
});

const unreachable: Rule = (error, facts) => {
  const { hostname, address, port } = rootOf(error);
  const where = hostname ?? (address === undefined ? facts.endpoint : `${address}${port === undefined ? "" : `:${port}`}`);
  const option = facts.operation === "token" ? "" : 'the option "apiEndpoint" and ';
  return { code: "UNAVAILABLE", reason: `cannot reach ${where ?? "the endpoint"} (${codeOf(error)}): check ${option}the network` };
};

const broken: Rule = (error) => ({ code: "UNAVAILABLE", reason: `the connection broke (${codeOf(error)}): try again` });

const silent: Rule = (error) => ({
  code: "TIMEOUT",
  reason: `the store did not answer (${shapeOf(error).message ?? "timeout"}): try again`,
});

const certificate: Rule = (error) => ({
  code: "UNAVAILABLE",
  retryable: false,
  reason: `the endpoint's certificate is not trusted (${codeOf(error)}): check the option "apiEndpoint", or add the authority with NODE_EXTRA_CA_CERTS`,
});

const retention: Rule = (error) => ({
  code: "PERMISSION_DENIED",
  reason: `the store keeps the object: ${wordsOf(error) ?? "retention"}`,
});

/** By the store's word for the reason: https://cloud.google.com/storage/docs/json_api/v1/status-codes */
const BY_REASON: Readonly<Record<string, Rule>> = {
  auth: credentials,
  signing: noSigner,
  bucketNotFound: bucketMissing,
  authError: credentials,
  required: (error, facts) => (statusOf(error) === 401 ? ruleResult(credentials, error, facts) : { code: "INVALID_ARGUMENT" }),
  rateLimitExceeded: throttled,
  userRateLimitExceeded: throttled,
  uploadTooLarge: "TOO_LARGE",
  metadataTooLarge: "TOO_LARGE",
  retentionPolicyNotMet: retention,
  objectUnderActiveHold: retention,
};

/** By Node's code for what happened on the network. */
const BY_CODE: Readonly<Record<string, Rule>> = {
  ECONNREFUSED: unreachable,
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ECONNRESET: broken,
  ECONNABORTED: broken,
  EPIPE: broken,
  EPROTO: broken,
  ERR_STREAM_PREMATURE_CLOSE: broken,
  HPE_INVALID_CONSTANT: broken,
  HPE_INVALID_EOF_STATE: broken,
  ETIMEDOUT: silent,
  OMNI_CONNECT_TIMEOUT: unreachable,
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate,
  SELF_SIGNED_CERT_IN_CHAIN: certificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate,
  CERT_HAS_EXPIRED: certificate,
  ERR_TLS_CERT_ALTNAME_INVALID: certificate,
};

/** By HTTP status. */
const BY_STATUS: Readonly<Record<number, Rule>> = {
  400: "INVALID_ARGUMENT",
  401: credentials,
  403: forbidden,
  404: "NOT_FOUND",
  405: "NOT_SUPPORTED",
  408: "TIMEOUT",
  409: () => ({ code: "UNAVAILABLE", retryable: true, reason: "another change of the same path is under way: try again" }),
  410: "NOT_FOUND",
  411: "INVALID_ARGUMENT",
  412: "PRECONDITION_FAILED",
  413: "TOO_LARGE",
  416: "INVALID_ARGUMENT",
  429: throttled,
  501: "NOT_SUPPORTED",
};

/**
 * What an error of the store, of the SDK or of Node's network layer means, with the remedy where there is one. Pure.
 *
 * @returns `undefined` for what is none of these
 */
export function classifyError(cause: unknown): ErrorClass | undefined {
  const facts = factsOf(cause);
  const outcome = facts.outcome === undefined ? {} : { outcome: facts.outcome };
  const rule = ruleFor(cause);
  if (rule === undefined) return facts.outcome === undefined ? undefined : { code: "UNKNOWN", ...outcome };
  const found = ruleResult(rule, cause, facts);
  const reason = found.reason ?? storeWords(cause, found.code);
  return { ...found, ...(reason === undefined ? {} : { reason }), ...outcome };
}

function ruleResult(rule: Rule, cause: unknown, facts: RequestFacts): Omit<ErrorClass, "outcome"> {
  return typeof rule === "string" ? { code: rule } : rule(cause, facts);
}

function ruleFor(cause: unknown): Rule | undefined {
  const { reason, message = "" } = shapeOf(cause);
  const status = statusOf(cause);
  // The store names a checksum that does not match by its message alone.
  if (status === 400 && /(md5|crc32c)[^.]*\bmatch/i.test(message)) return "CHECKSUM_MISMATCH";
  if (typeof reason === "string" && Object.hasOwn(BY_REASON, reason)) return BY_REASON[reason];
  if (status !== undefined) return BY_STATUS[status] ?? (status >= 500 ? "UNAVAILABLE" : undefined);
  const code = codeOf(cause);
  return Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
}

function wordsOf(error: unknown): string | undefined {
  return shapeOf(error).message || undefined;
}

// What the store said of a request that it calls wrong is the best reason there is.
function storeWords(cause: unknown, code: ErrorCode): string | undefined {
  const words = wordsOf(cause);
  if (words === undefined) return undefined;
  if (code !== "INVALID_ARGUMENT" && code !== "NOT_SUPPORTED" && code !== "CHECKSUM_MISMATCH" && code !== "TOO_LARGE")
    return undefined;
  return `the store says: ${words} (${statusOf(cause) ?? ""})`;
}

const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "OMNI_CONNECT_TIMEOUT"]);

/** Whether one attempt of a request that failed with this error may have taken effect at the store. Pure. */
export function mayHaveApplied(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== undefined) return status < 300 || status >= 500 || status === 408;
  if (shapeOf(error).reason === "auth") return false;
  const code = codeOf(error);
  return !NOT_SENT.has(code) && BY_CODE[code] !== certificate;
}

/** Whether the same request may succeed when it is sent again: https://cloud.google.com/storage/docs/retry-strategy. Pure. */
export function isTransient(error: unknown): boolean {
  const { reason } = shapeOf(error);
  if (reason === "rateLimitExceeded" || reason === "userRateLimitExceeded") return true;
  const status = statusOf(error);
  if (status !== undefined) return status === 408 || status === 429 || (status >= 500 && status !== 501);
  const rule = BY_CODE[codeOf(error)];
  return rule === broken || rule === silent || rule === unreachable;
}
