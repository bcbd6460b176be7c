import type { IncomingMessage, ServerResponse } from "node:http";
import { type ErrorCode, OmniError } from "@omni/core";

/** An answer that ends a request. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PRECONDITION_FAILED: 412,
  INVALID_ARGUMENT: 400,
  INVALID_PATH: 400,
  TOO_LARGE: 413,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
  TIMEOUT: 503,
};

/** Most bytes of a refused body that are read, so that the client gets to reading the answer. */
const DRAIN_BYTES = 8 * 1024 * 1024;

/** Tells the client how it ended. What a store says in its own words stays here: it may name folders and hosts. */
export function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    // Half an answer was sent: only breaking it off tells the client that it is not whole.
    response.destroy();
    return;
  }
  const { status, message, headers } = refusalOf(error);
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close", ...headers });
  const end = (): void => {
    if (!response.writableEnded) response.end(`${message}\n`);
  };
  if (request.complete || request.destroyed) {
    end();
    return;
  }
  let drained = 0;
  request.on("data", (chunk: Uint8Array) => {
    drained += chunk.byteLength;
    if (drained > DRAIN_BYTES) end();
  });
  request.once("end", end).once("close", end).resume();
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (!OmniError.is(error)) return new Refusal(500, "UNKNOWN");
  // What the body's own check threw comes back as the cause of a write that failed.
  return error.cause instanceof Refusal ? error.cause : new Refusal(STATUS[error.code] ?? 500, error.code);
}
