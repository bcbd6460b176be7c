// Errors as the page reads them: application/problem+json (RFC 9457).
import { type ErrorCode, OmniError } from "@omni/core";
import type { FastifyInstance } from "fastify";

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  INVALID_ARGUMENT: 400,
  INVALID_PATH: 400,
  NOT_FOUND: 404,
  PRECONDITION_FAILED: 409,
  TOO_LARGE: 413,
  NOT_SUPPORTED: 501,
  UNAVAILABLE: 503,
  TIMEOUT: 504,
};

export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: Error & { readonly statusCode?: number }, _request, reply) => {
    const status = OmniError.is(error) ? (STATUS[error.code] ?? 502) : (error.statusCode ?? 500);
    const code = OmniError.is(error) ? error.code : undefined;
    return reply.code(status).type("application/problem+json").send({ title: error.message, status, code });
  });
}
