// Errors as problem+json: RFC 9457, https://www.rfc-editor.org/rfc/rfc9457.
import { STATUS_CODES } from "node:http";
import { type MemberOutcome, MultiError, OmniError } from "@omni/core";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** Seconds after which a client may try again what was refused for now. */
const RETRY_AFTER_SECONDS = 1;

/** An error of a request, as its answer tells it. */
export interface Problem {
  /** Absent: "about:blank", the status says it all. */
  readonly type?: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The code of the library or of the framework. */
  readonly code: string;
  /** Of a message: its id, under which it is sent again. */
  readonly messageId?: string | undefined;
  /** Whether the message is certainly on no broker, or may be on some. */
  readonly outcome?: "not-applied" | "unknown" | undefined;
  /** How each broker took the message. */
  readonly outcomes?: readonly ShownOutcome[] | undefined;
  /** What is wrong with the body or headers. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[] | undefined;
}

/** How a broker took a message, without what only a log should show. */
export interface ShownOutcome {
  readonly member: string;
  readonly state: string;
  readonly latencyMs?: number | undefined;
  readonly reason?: string | undefined;
}

/** Statuses of the codes that a client can do something about; everything else is 503 for a message and 500 elsewhere. */
const STATUS_OF: Readonly<Partial<Record<OmniError["code"], number>>> = {
  INVALID_ARGUMENT: 400,
  ALREADY_EXISTS: 409,
  TOO_LARGE: 413,
  QUEUE_FULL: 429,
  RATE_LIMITED: 429,
};

export function shownOutcomes(outcomes: readonly MemberOutcome[] | undefined): readonly ShownOutcome[] | undefined {
  return outcomes?.map((outcome) => {
    const { member, state, error } = outcome;
    const { latencyMs } = outcome as { readonly latencyMs?: number };
    return { member, state, latencyMs, reason: error?.message };
  });
}

export function problemOf(status: number, code: string, detail: string, more: Partial<Problem> = {}): Problem {
  return { title: STATUS_CODES[status] ?? "Error", status, detail, code, ...more };
}

/** What became of a message that was not accepted. The id is in it, whatever went wrong. */
export function publishProblem(error: unknown, messageId: string): Problem {
  if (!OmniError.is(error)) return problemOf(503, "UNKNOWN", "the message could not be published", { messageId });
  const { code, message, outcome } = error;
  const isFull = MultiError.is(error) && error.every("QUEUE_FULL");
  const status = isFull ? 429 : (STATUS_OF[code] ?? 503);
  const outcomes = MultiError.is(error) ? shownOutcomes(error.outcomes) : undefined;
  return problemOf(status, isFull ? "QUEUE_FULL" : code, message, { messageId, outcome, outcomes });
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 429 || problem.status === 503) void reply.header("retry-after", RETRY_AFTER_SECONDS);
  return reply.code(problem.status).type("application/problem+json").send(JSON.stringify(problem));
}

/** Answers every error of a service as a problem, those of Fastify too. */
export function answerProblems(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problemOf(404, "NOT_FOUND", `there is no ${request.method} ${request.url.split("?")[0]}`)),
  );
  app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(reply, requestProblem(error, request)));
}

function requestProblem(error: FastifyError, request: FastifyRequest): Problem {
  if (error.validation) {
    const errors = error.validation.map(({ instancePath, message = "", params }) => {
      const extra = (params as { readonly additionalProperty?: string }).additionalProperty;
      return { path: `${error.validationContext ?? ""}${instancePath}`, message: extra ? `${message}: ${extra}` : message };
    });
    return problemOf(400, "INVALID_ARGUMENT", errors.map(({ path, message }) => `${path} ${message}`).join("; "), { errors });
  }
  const { statusCode = 500, code } = error;
  if (statusCode >= 400 && statusCode < 500) return problemOf(statusCode, code, error.message);
  request.log.error({ error }, "a request failed");
  return problemOf(500, "UNKNOWN", "the request failed; the log says why");
}
