// The queue of a service: given, or made from the environment; and how it stands.
import { setTimeout as wait } from "node:timers/promises";
import { OmniError } from "@omni/core";
import { createQueueFromEnv, type QueueProvider } from "@omni/core/queue";
import { Counter, type Registry } from "prom-client";
import type { Env } from "./environment.ts";
import { problemOf, sendProblem } from "./problems.ts";
import type { Frame, ServiceOptions } from "./service.ts";

/** What a service over a queue takes. */
export interface QueueServiceOptions extends ServiceOptions {
  /** A queue that somebody else closes. @default one made from `env`, closed with the service */
  readonly queue?: QueueProvider | undefined;
  /** Where the queue's variables are. @default process.env */
  readonly env?: Env | undefined;
  /** Milliseconds that the start waits for the brokers that are required. @default 30_000 */
  readonly readyTimeoutMs?: number | undefined;
  /** Milliseconds after which a publish is given up. @default 10_000 */
  readonly publishTimeoutMs?: number | undefined;
  /** Milliseconds that the digest of a body is kept under its Idempotency-Key. @default 3_600_000 */
  readonly idempotencyWindowMs?: number | undefined;
}

/** The queue's defaults in a service: a client that waits is worse off than one that is told to come again, and what any broker holds is handled. */
const DEFAULTS: Env = { QUEUE_TYPE: "memory", QUEUE_WHEN_FULL: "reject", COMPOSITE_SUBSCRIBE: "all" };

const TRY_AGAIN_MS = 250;

/** Makes the queue that the environment names. @throws OmniError INVALID_ARGUMENT, NOT_INSTALLED */
export function queueOf(env: Env, logger: Frame["logger"]): Promise<QueueProvider> {
  const given = Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== "");
  return createQueueFromEnv({ ...DEFAULTS, ...Object.fromEntries(given) }, { logger });
}

/** Whether the environment names a queue that lives in one process. */
export function isOfOneProcess(env: Env): boolean {
  const type = env.QUEUE_TYPE?.trim().toLowerCase() || DEFAULTS.QUEUE_TYPE;
  const names = type === "composite" ? (env.COMPOSITE_PROVIDERS ?? "").toLowerCase().split(",") : [type];
  return names.some((name) => name?.trim() === "memory");
}

/**
 * Waits until every broker that is required is there.
 *
 * @throws OmniError what the last try said, naming the brokers that are not, when the time is over; at once what no waiting mends
 */
export async function untilReady(queue: QueueProvider, timeoutMs: number, logger: Frame["logger"]): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await queue.ready({ timeoutMs: Math.max(1, Math.round(deadline - performance.now())) });
    } catch (error) {
      if (!mayCome(error) || performance.now() + TRY_AGAIN_MS > deadline) throw error;
      logger.warn({ error: String(error) }, "waiting for the brokers");
      await wait(TRY_AGAIN_MS);
    }
  }
}

function mayCome(error: unknown): boolean {
  return OmniError.is(error, "UNAVAILABLE", "TIMEOUT", "PARTIAL_FAILURE");
}

/** `/ready`: the brokers; `/stats`, `/status`: the numbers; and the queue's own counters among the metrics. */
export function reportQueue(frame: Frame, queue: QueueProvider, more: () => object, failure: () => Error | undefined): void {
  const { app, metrics } = frame;
  const name = frame.logger.bindings().service as string;
  const standing = async (): Promise<{ status: string; reason?: string | undefined; queue: object }> => {
    const health = await queue.health({ timeoutMs: 2_000 });
    const failed = failure();
    return failed
      ? { status: "down", reason: failed.message, queue: health }
      : { status: health.status, reason: health.reason, queue: health };
  };
  app.get("/ready", async (_, reply) => {
    const { status, reason, queue: health } = await standing();
    if (status !== "down") return { status, service: name, queue: health };
    return sendProblem(reply, problemOf(503, "UNAVAILABLE", reason ?? "the queue is down"));
  });
  app.get("/stats", async () => ({ service: name, ...more(), queue: await queue.stats({ timeoutMs: 2_000 }) }));
  app.get("/status", async () => ({
    service: name,
    ...(await standing()),
    uptimeSeconds: Math.round(process.uptime()),
    ...more(),
    stats: await queue.stats({ timeoutMs: 2_000 }),
  }));
  countQueue(metrics, queue);
}

/** The queue's counters as they are when somebody asks. */
function countQueue(metrics: Registry, queue: QueueProvider): void {
  new Counter({
    name: "queue_events_total",
    help: "Counters of the queue object: published, consumed, acked, deadLettered and so on; by broker where there are several",
    labelNames: ["event", "broker"] as const,
    registers: [metrics],
    async collect() {
      const { total: _, byMember, ...own } = await queue.stats({ timeoutMs: 2_000 });
      this.reset();
      for (const [broker, counters] of Object.entries({ all: own, ...byMember })) {
        for (const event of EVENTS) this.inc({ event, broker }, counters[event] ?? 0);
      }
    },
  });
}

const EVENTS = [
  "published",
  "duplicates",
  "rejected",
  "unknown",
  "consumed",
  "acked",
  "nacked",
  "failed",
  "deadLettered",
  "suppressed",
] as const;
