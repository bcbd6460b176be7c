import type { ErrorClass, ErrorCode } from "@omni/core";

/** An error answer of JetStream's API: https://github.com/nats-io/nats-server/blob/main/server/errors.json has the codes. */
export class ApiError extends Error {
  override readonly name = "NatsApiError";
  /** Like a status of HTTP. */
  readonly status: number;
  /** Which error exactly; 0 where the server does not say. */
  readonly errCode: number;

  constructor(error: { readonly code?: number; readonly err_code?: number; readonly description?: string }) {
    super(error.description ?? "the server refused the request");
    this.status = error.code ?? 0;
    this.errCode = error.err_code ?? 0;
  }
}

type Rule = ErrorCode | ErrorClass;

const JETSTREAM_OFF: Rule = {
  code: "NOT_SUPPORTED",
  reason:
    'JetStream is off: start the server with "jetstream" in its configuration (or nats-server -js) and allow it for the account, or use mode: "core", which keeps nothing',
};
const NO_STREAM: Rule = {
  code: "NOT_FOUND",
  reason: "no stream covers the topic: create one whose subjects cover it, or correct the options `stream` and `subjectPrefix`",
};
const UNREACHABLE: Rule = {
  code: "UNAVAILABLE",
  reason: "cannot connect to the NATS server: check the option `url` (NATS_URL), and that the server runs",
};
const LOST: Rule = { code: "UNAVAILABLE", reason: "the connection to the NATS server is lost: it is made again by itself" };
const REFUSED: Rule = {
  code: "UNAUTHENTICATED",
  reason: "the server refuses the credentials: check the option `auth`, or the user part of the URL",
};
const FULL: Rule = {
  code: "QUEUE_FULL",
  retryable: true,
  reason:
    "the stream, or the space that the account has for it, is full: raise its limits (capacity), or shorten how long it keeps messages",
};
const TOO_LARGE: Rule = {
  code: "TOO_LARGE",
  reason: "the message is larger than the server takes: raise its max_payload or the stream's max_msg_size, or send less",
};
const NOT_READY: Rule = { code: "UNAVAILABLE", reason: "JetStream is not ready: it elects a leader, or starts" };
const TLS: Rule = {
  code: "UNAVAILABLE",
  retryable: false,
  reason: "the TLS connection failed: check the option `tls` (ca, cert, key), and the host name in the option `url`",
};

/** By `err_code` of JetStream. */
const BY_ERR_CODE: Readonly<Record<number, Rule>> = {
  10002: FULL, // resource limits exceeded for account
  10008: NOT_READY, // JetStream system temporarily unavailable
  10009: NOT_READY, // JetStream not in clustered mode, while it forms
  10014: "NOT_FOUND", // consumer not found
  10023: FULL, // insufficient resources
  10026: { code: "QUEUE_FULL", reason: "the stream has as many consumers as it may: raise its max_consumers, or delete some" },
  10028: FULL, // insufficient memory
  10035: JETSTREAM_OFF, // JetStream not enabled for account
  10039: JETSTREAM_OFF, // JetStream not enabled for account
  10047: FULL, // insufficient storage resources available
  10054: TOO_LARGE, // message size exceeds maximum allowed
  10058: { code: "ALREADY_EXISTS", reason: "a stream of this name exists with other settings" },
  10059: { code: "NOT_FOUND", reason: "the stream does not exist: create it, or leave createStream at true" },
  10065: {
    code: "INVALID_ARGUMENT",
    reason:
      "another stream takes subjects of this one: choose another `stream` or `subjectPrefix`, or name that stream in the option `stream`",
  },
  10074: {
    code: "INVALID_ARGUMENT",
    reason: "more replicas than the cluster has servers, or no cluster at all: lower the option `replicas`",
  },
  10076: JETSTREAM_OFF, // JetStream not enabled
  10077: FULL, // maximum messages or bytes exceeded
  10148: { code: "ALREADY_EXISTS", reason: "a consumer of this name exists with other settings" },
};

const BY_STATUS: Readonly<Record<number, Rule>> = {
  400: "INVALID_ARGUMENT",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  408: "TIMEOUT",
  500: "UNAVAILABLE",
  503: NOT_READY,
};

/** By `code` of the client's errors and of Node's. */
const BY_CODE: Readonly<Record<string, Rule>> = {
  "503": NO_STREAM,
  AUTHORIZATION_VIOLATION: REFUSED,
  AUTHENTICATION_EXPIRED: { code: "UNAUTHENTICATED", reason: "the credentials have expired: renew them" },
  ACCOUNT_EXPIRED: { code: "UNAUTHENTICATED", reason: "the account has expired" },
  AUTHENTICATION_TIMEOUT: REFUSED,
  BAD_AUTHENTICATION: REFUSED,
  BAD_CREDS: {
    code: "UNAUTHENTICATED",
    reason: "the credentials are not in the form of a .creds file: check auth.creds or auth.credsFile",
  },
  PERMISSIONS_VIOLATION: "PERMISSION_DENIED",
  MAX_PAYLOAD_EXCEEDED: TOO_LARGE,
  TIMEOUT: "TIMEOUT",
  CONNECTION_TIMEOUT: UNREACHABLE,
  CONNECTION_REFUSED: UNREACHABLE,
  ECONNREFUSED: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  ECONNRESET: LOST,
  EPIPE: LOST,
  DISCONNECT: LOST,
  CONNECTION_CLOSED: LOST,
  CONNECTION_DRAINING: LOST,
  NATS_PROTOCOL_ERR: {
    code: "UNAVAILABLE",
    retryable: false,
    reason: "what answers does not speak NATS as this client does, or wants TLS: check the option `url`",
  },
  TLS,
  DEPTH_ZERO_SELF_SIGNED_CERT: TLS,
  SELF_SIGNED_CERT_IN_CHAIN: TLS,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TLS,
  CERT_HAS_EXPIRED: TLS,
  ERR_TLS_CERT_ALTNAME_INVALID: TLS,
  SERVER_OPT_NA: { code: "NOT_SUPPORTED", reason: "the server does not offer what an option asks for (TLS, or headers)" },
  BAD_SUBJECT: "INVALID_ARGUMENT",
  BAD_HEADER: "INVALID_ARGUMENT",
  BAD_PAYLOAD: "INVALID_ARGUMENT",
  ENOENT: { code: "INVALID_ARGUMENT", reason: "a file that an option of auth or tls names does not exist" },
};

/**
 * What an error of the client, of JetStream's API or of Node's network layer means, with the remedy where there is one. Pure.
 *
 * @returns `undefined` for what is none of these
 */
export function classifyError(cause: unknown): ErrorCode | ErrorClass | undefined {
  if (typeof cause !== "object" || cause === null) return undefined;
  if (isApiError(cause)) {
    const rule = lookup(BY_ERR_CODE, cause.errCode) ?? lookup(BY_STATUS, cause.status) ?? "UNKNOWN";
    // The server's own words are the best reason there is, where we have none.
    return typeof rule === "string" ? { code: rule, reason: `the server says: ${cause.message}` } : rule;
  }
  const { code, chainedError } = cause as { readonly code?: unknown; readonly chainedError?: unknown };
  return lookup(BY_CODE, String(code)) ?? (chainedError === undefined ? undefined : classifyError(chainedError));
}

function isApiError(cause: object): cause is ApiError {
  return (cause as { name?: unknown }).name === "NatsApiError";
}

function lookup(table: Readonly<Record<string, Rule>>, key: string | number): Rule | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
