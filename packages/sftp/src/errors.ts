import type { ErrorClass, ErrorCode } from "@omni/core";

/** Status codes of an answer (draft-ietf-secsh-filexfer-02, section 7). */
export const STATUS = {
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  NO_CONNECTION: 6,
  CONNECTION_LOST: 7,
  OP_UNSUPPORTED: 8,
} as const;

/** The connection ended while an answer was awaited, or before the question could be sent. */
export class ConnectionLost extends Error {
  readonly code = "CONNECTION_LOST";

  constructor(what: string, cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause });
    this.name = "ConnectionLost";
  }
}

const LOST = { code: "UNAVAILABLE", reason: "the connection to the server was lost", retryable: true } as const;

const STATUS_MEANINGS: Readonly<Record<number, ErrorCode | ErrorClass>> = {
  [STATUS.NO_SUCH_FILE]: "NOT_FOUND",
  [STATUS.PERMISSION_DENIED]: {
    code: "PERMISSION_DENIED",
    reason: "the server denies permission; give the user access to the root and everything below it",
  },
  // Everything that version 3 of the protocol has no code for.
  [STATUS.FAILURE]: { code: "UNAVAILABLE", reason: "the server failed and does not say why; look at its log", retryable: false },
  [STATUS.BAD_MESSAGE]: {
    code: "INVALID_ARGUMENT",
    reason: "the server refuses the call; a name may be longer, or have a character, than its file system can hold",
  },
  [STATUS.NO_CONNECTION]: LOST,
  [STATUS.CONNECTION_LOST]: LOST,
  [STATUS.OP_UNSUPPORTED]: { code: "NOT_SUPPORTED", reason: "the server does not offer this operation" },
};

const unreachable = (why: string): ErrorClass => ({ code: "UNAVAILABLE", reason: why, retryable: true });

const SYSTEM_MEANINGS: Readonly<Record<string, ErrorCode | ErrorClass>> = {
  CONNECTION_LOST: LOST,
  ECONNREFUSED: unreachable("nothing listens at the server's address; check host and port, or start the server"),
  ECONNRESET: LOST,
  EPIPE: LOST,
  EHOSTUNREACH: unreachable("no way leads to the server; check the network"),
  ENETUNREACH: unreachable("no way leads to the server; check the network"),
  ENOTFOUND: { code: "UNAVAILABLE", reason: 'the name of the server is not known; check the option "host"', retryable: false },
  EAI_AGAIN: unreachable("the name of the server could not be looked up"),
  ETIMEDOUT: "TIMEOUT",
};

const LEVEL_MEANINGS: Readonly<Record<string, ErrorClass>> = {
  "client-authentication": {
    code: "UNAUTHENTICATED",
    reason: "the server refuses the user with every key and password given; check username, key, passphrase and password",
  },
  agent: { code: "UNAUTHENTICATED", reason: "the agent does not sign; check its socket and that it holds the key (ssh-add -l)" },
  "client-timeout": { code: "TIMEOUT", reason: "the server did not answer in time while connecting" },
  "client-socket": LOST,
  "client-dns": unreachable("the name of the server could not be looked up"),
  handshake: {
    code: "UNAVAILABLE",
    reason: "client and server agree on no algorithm, or the handshake broke off",
    retryable: false,
  },
  protocol: { code: "UNAVAILABLE", reason: "the server speaks no SSH, or broke its rules", retryable: false },
  "sftp-protocol": { code: "UNAVAILABLE", reason: "the server broke the rules of SFTP", retryable: false },
};

/** What an error of ssh2, of a socket, or a status of the server means. */
export function classifyError(cause: unknown): ErrorCode | ErrorClass | undefined {
  if (typeof cause !== "object" || cause === null) return undefined;
  const { code, level } = cause as { code?: unknown; level?: unknown };
  if (typeof code === "string" && Object.hasOwn(SYSTEM_MEANINGS, code)) return SYSTEM_MEANINGS[code];
  if (typeof level === "string" && Object.hasOwn(LEVEL_MEANINGS, level)) return LEVEL_MEANINGS[level];
  return typeof code === "number" ? STATUS_MEANINGS[code] : undefined;
}

/** Whether the server answered with one of these codes. */
export function hasStatus(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof Error && codes.includes((error as { code?: unknown }).code as number);
}

/** Whether no answer came: what was asked may or may not have been done. */
export function isLost(error: unknown): boolean {
  return error instanceof ConnectionLost || hasStatus(error, STATUS.NO_CONNECTION, STATUS.CONNECTION_LOST);
}

/** The value, or `undefined` when the server answered with one of these codes. */
export async function unless<T>(asked: Promise<T>, ...codes: readonly number[]): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (hasStatus(error, ...codes)) return undefined;
    throw error;
  }
}
