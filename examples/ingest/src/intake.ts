// Takes a message over HTTP and puts it on the queue. The answer says what is certain: 202 is held by the brokers, 503 may be.
import { OmniError } from "@omni/core";
import { newId, type PublishResult, type QueueProvider } from "@omni/core/queue";
import type { FastifyReply } from "fastify";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { digestOf, Idempotency, messageIdOf } from "./idempotency.ts";
import { problemOf, publishProblem, sendProblem, shownOutcomes } from "./problems.ts";
import type { Frame } from "./service.ts";

/** What a client sends. */
export interface IngestBody {
  /** Who sends it. */
  readonly source: string;
  /** Text is sent as it is, anything else as JSON. */
  readonly data: string | object;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Messages of one key keep their order. */
  readonly key?: string;
  /** To send again, under the id that a 503 named. */
  readonly id?: string;
}

/** Of both the gateway and ingest: what is refused is refused at the door. */
export const INGEST_SCHEMA = {
  headers: {
    type: "object",
    properties: { "idempotency-key": { type: "string", pattern: "^[\\x20-\\x7e]{1,255}$" } },
  },
  body: {
    type: "object",
    required: ["source", "data"],
    additionalProperties: false,
    properties: {
      source: { type: "string", minLength: 1, maxLength: 256 },
      data: { type: ["string", "object", "array"] },
      metadata: { type: "object", additionalProperties: { type: "string" } },
      key: { type: "string", minLength: 1, maxLength: 256 },
      id: { type: "string", pattern: "^[\\x21-\\x7e]{1,256}$" },
    },
  },
} as const;

export interface IntakeOptions {
  readonly queue: QueueProvider;
  readonly topic: string;
  readonly publishTimeoutMs?: number | undefined;
  readonly idempotencyWindowMs?: number | undefined;
}

/** Adds the routes that take messages. */
export function takeMessages(frame: Frame, paths: readonly string[], options: IntakeOptions): void {
  const { queue, topic, publishTimeoutMs = 10_000, idempotencyWindowMs = 3_600_000 } = options;
  const seen = new Idempotency<PublishResult>({ windowMs: idempotencyWindowMs });
  const count = intakeMetrics(frame.metrics, seen);
  const publish = (id: string, { source, key, metadata }: IngestBody, data: string): Promise<PublishResult> =>
    count.publish(() => queue.publish({ id, source, key, data, metadata, topic }, { timeoutMs: publishTimeoutMs }));

  const take = async (body: IngestBody, idempotencyKey: string | undefined, reply: FastifyReply): Promise<FastifyReply> => {
    const data = typeof body.data === "string" ? body.data : JSON.stringify(body.data);
    const id = idempotencyKey === undefined ? (body.id ?? newId()) : messageIdOf(body.source, topic, idempotencyKey);
    try {
      // Without a key there is nothing to compare with: each request is a message of its own.
      const { result, repeated } =
        idempotencyKey === undefined
          ? { result: await publish(id, body, data), repeated: false }
          : await seen.once(id, contentOf(body, data), () => publish(id, body, data));
      const isCopy = repeated || result.state === "duplicate";
      count.taken(isCopy ? "duplicate" : "accepted", Buffer.byteLength(data));
      const outcomes = shownOutcomes(result.outcomes);
      return reply.code(202).send({ messageId: id, status: isCopy ? "duplicate" : "accepted", ...(outcomes && { outcomes }) });
    } catch (error) {
      const problem = publishProblem(error, id);
      count.taken(problem.code.toLowerCase(), Buffer.byteLength(data));
      if (!OmniError.is(error)) frame.logger.error({ error, messageId: id }, "a publish failed");
      else if (problem.status === 503) frame.logger.warn({ messageId: id, error: error.message }, "a message was not accepted");
      return sendProblem(reply, problem);
    }
  };

  for (const path of paths) {
    frame.app.post<{ Body: IngestBody; Headers: { "idempotency-key"?: string } }>(
      path,
      { schema: INGEST_SCHEMA },
      (request, reply) => {
        const key = request.headers["idempotency-key"];
        if (key === undefined || request.body.id === undefined) return take(request.body, key, reply);
        return sendProblem(reply, problemOf(400, "INVALID_ARGUMENT", "give an Idempotency-Key or an id, not both"));
      },
    );
  }
}

function contentOf({ metadata = {}, key }: IngestBody, data: string): string {
  return digestOf([data, Object.entries(metadata).toSorted(), key]);
}

function intakeMetrics(metrics: Registry, seen: Idempotency<PublishResult>) {
  const registers = [metrics];
  const messages = new Counter({
    name: "messages_total",
    help: "Messages that clients sent, by what became of them",
    labelNames: ["result"] as const,
    registers,
  });
  const bytes = new Counter({
    name: "message_bytes_total",
    help: "Bytes of their data",
    labelNames: ["result"] as const,
    registers,
  });
  const seconds = new Histogram({
    name: "publish_seconds",
    help: "Time until the brokers' word",
    labelNames: ["ok"] as const,
    registers,
  });
  new Gauge({
    name: "idempotency_keys",
    help: "Idempotency keys whose content is remembered",
    registers,
    collect() {
      this.set(seen.size);
    },
  });
  return {
    taken: (result: string, size: number): void => {
      messages.inc({ result });
      bytes.inc({ result }, size);
    },
    publish: async (work: () => Promise<PublishResult>): Promise<PublishResult> => {
      const end = seconds.startTimer();
      try {
        const result = await work();
        end({ ok: "true" });
        return result;
      } catch (error) {
        end({ ok: "false" });
        throw error;
      }
    },
  };
}
