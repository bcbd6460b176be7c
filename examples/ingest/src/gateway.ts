// The door: checks what clients send, hands it on to ingest, and says how the services are.
import { newId } from "@omni/core/queue";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Counter, type Registry } from "prom-client";
import { Pool } from "undici";
import { messageIdOf } from "./idempotency.ts";
import { INGEST_SCHEMA, type IngestBody } from "./intake.ts";
import { problemOf, sendProblem } from "./problems.ts";
import { createFrame, type Frame, listen, type Service, type ServiceOptions } from "./service.ts";

export interface GatewayOptions extends ServiceOptions {
  /** @default "http://127.0.0.1:8081" */
  readonly ingestUrl?: string | undefined;
  /** @default "http://127.0.0.1:8082" */
  readonly processorUrl?: string | undefined;
  /** The topic of ingest: it is part of the id of a message with an Idempotency-Key. @default "messages" */
  readonly topic?: string | undefined;
  /** Milliseconds that ingest is waited for; more than its own patience with the brokers. @default 15_000 */
  readonly forwardTimeoutMs?: number | undefined;
  /** Milliseconds that a service is waited for when it is asked how it is. @default 3_000 */
  readonly statusTimeoutMs?: number | undefined;
}

type Standing = "up" | "degraded" | "down";

/** What a service says of itself, or why it says nothing. */
type ServiceStatus = { readonly status: Standing; readonly reason?: string | undefined } & Readonly<Record<string, unknown>>;

type IngestRequest = FastifyRequest<{ Body: IngestBody; Headers: { "idempotency-key"?: string } }>;

export async function start(options: GatewayOptions = {}): Promise<Service> {
  const { port = 8080, ingestUrl = "http://127.0.0.1:8081", processorUrl = "http://127.0.0.1:8082" } = options;
  const frame = createFrame("gateway", options);
  const services = { ingest: ingestUrl, processor: processorUrl };
  handOn(frame, ingestUrl, options);
  report(frame, services, options.statusTimeoutMs ?? 3_000);
  return listen("gateway", frame, { ...options, port });
}

/** Hands messages on to ingest, and its answers back. */
function handOn(frame: Frame, ingestUrl: string, options: GatewayOptions): void {
  const { topic = "messages", forwardTimeoutMs = 15_000 } = options;
  const forwards = forwardCounter(frame.metrics);
  // What `fetch` is made of, without its streams and its copies of headers: a third of its CPU time for a small body.
  const ingest = new Pool(new URL(ingestUrl).origin);
  frame.app.addHook("onClose", () => ingest.close());
  const forward = async (request: IngestRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { body } = request;
    const key = request.headers["idempotency-key"];
    // Decided here, so that the client can be told it whatever happens behind.
    const id = key === undefined ? (body.id ?? newId()) : messageIdOf(body.source, topic, key);
    try {
      const answer = await ingest.request({
        path: "/ingest",
        method: "POST",
        headers: { "content-type": "application/json", ...(key !== undefined && { "idempotency-key": key }) },
        body: JSON.stringify(key === undefined ? { ...body, id } : body),
        signal: AbortSignal.timeout(forwardTimeoutMs),
      });
      const text = await answer.body.text();
      const { "retry-after": retryAfter, "content-type": type = "application/json" } = answer.headers;
      forwards.inc({ result: String(answer.statusCode) });
      if (retryAfter !== undefined) void reply.header("retry-after", retryAfter);
      return reply.code(answer.statusCode).type(String(type)).send(text);
    } catch (error) {
      forwards.inc({ result: "unreachable" });
      const refused = causeOf(error).startsWith("connect ");
      request.log.warn({ messageId: id, error: causeOf(error) }, "ingest did not answer");
      const detail = `ingest did not answer (${causeOf(error)}); send the message again under the same ${key === undefined ? "id" : "Idempotency-Key"}`;
      return sendProblem(
        reply,
        problemOf(503, "UNAVAILABLE", detail, { messageId: id, outcome: refused ? "not-applied" : "unknown" }),
      );
    }
  };
  for (const path of ["/api/v1/ingest", "/ingest", "/enqueue"]) {
    frame.app.post<{ Body: IngestBody; Headers: { "idempotency-key"?: string } }>(
      path,
      { schema: INGEST_SCHEMA },
      (request, reply) => {
        if (request.headers["idempotency-key"] === undefined || request.body.id === undefined) return forward(request, reply);
        return sendProblem(reply, problemOf(400, "INVALID_ARGUMENT", "give an Idempotency-Key or an id, not both"));
      },
    );
  }
}

/** How the services are: asked, not assumed. */
function report(frame: Frame, services: Readonly<Record<"ingest" | "processor", string>>, timeoutMs: number): void {
  const { app } = frame;
  const ask = (path: string) => async (): Promise<Readonly<Record<string, ServiceStatus>>> => {
    const names = Object.keys(services) as (keyof typeof services)[];
    const found = await Promise.all(names.map((name) => asked(new URL(path, services[name]), timeoutMs)));
    return Object.fromEntries(names.map((name, at) => [name, found[at] as ServiceStatus]));
  };
  const status = async (_: FastifyRequest, reply: FastifyReply): Promise<object> => {
    const found = { gateway: { status: "up" } as ServiceStatus, ...(await ask("/status")()) };
    const overall = overallOf(found);
    // Without ingest nothing is accepted; without processor it is, and waits.
    return reply.code(overall === "down" ? 503 : 200).send({ status: overall, services: found });
  };
  app.get("/api/v1/status", status);
  app.get("/status", status);
  app.get("/stats", async () => ({ service: "gateway", services: await ask("/stats")() }));
  app.get("/ready", async (_, reply) => {
    const { status: standing, reason } = await asked(new URL("/ready", services.ingest), timeoutMs);
    if (standing !== "down") return { status: standing, service: "gateway" };
    return sendProblem(reply, problemOf(503, "UNAVAILABLE", `ingest is not ready: ${reason}`));
  });
}

function overallOf(found: Readonly<Record<string, ServiceStatus>>): Standing {
  if (found.ingest?.status === "down") return "down";
  return Object.values(found).every(({ status }) => status === "up") ? "up" : "degraded";
}

async function asked(url: URL, timeoutMs: number): Promise<ServiceStatus> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    const body = (await answer.json()) as Readonly<Record<string, unknown>>;
    if (answer.ok) return { status: "up", ...body };
    return { status: "down", reason: String(body.detail ?? `it answered ${answer.status}`) };
  } catch (error) {
    return { status: "down", reason: causeOf(error) };
  }
}

/** What lies under the error of a fetch: "connect ECONNREFUSED 127.0.0.1:8081". */
function causeOf(error: unknown): string {
  const { message, cause } = error as {
    readonly message: string;
    readonly cause?: { readonly message?: string; readonly code?: string };
  };
  return cause?.message || cause?.code || message;
}

function forwardCounter(metrics: Registry): Counter<"result"> {
  return new Counter({
    name: "forwards_total",
    help: "Messages handed on to ingest, by its answer",
    labelNames: ["result"] as const,
    registers: [metrics],
  });
}
