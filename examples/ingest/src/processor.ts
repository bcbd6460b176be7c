// Takes messages from the queue and hands them to the workers.
import { setTimeout as wait } from "node:timers/promises";
import { type Consumer, type DedupeStore, type Handler, memoryDedupe, type QueueProvider } from "@omni/core/queue";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { topicOf } from "./environment.ts";
import { readyOrClosed } from "./ingest.ts";
import { takeMessages } from "./intake.ts";
import { type QueueServiceOptions, queueOf, reportQueue } from "./message-queue.ts";
import { createFrame, type Frame, listen, type Service } from "./service.ts";

export interface ProcessorOptions extends QueueServiceOptions {
  /** What is done with a message. Throwing = again later, and to the dead letter topic in the end. @default says so in the log */
  readonly handler?: Handler | undefined;
  /** Handlers that run at once. @default 8 */
  readonly concurrency?: number | undefined;
  /** Failures after which a message goes to the dead letter topic. @default 5 */
  readonly maxDeliveries?: number | undefined;
  /** @default the topic's name and ".dlq" */
  readonly deadLetter?: string | undefined;
  /** Where handled messages are remembered; several processors need one that they share. @default this process, for an hour */
  readonly dedupe?: DedupeStore | undefined;
}

/** What the workers have done. */
interface Tally {
  handled: number;
  failed: number;
  running: number;
}

const LOOK_MS = 20;

/**
 * Starts the service; resolves when what is published from now on will be handled.
 *
 * @throws OmniError naming the brokers when those that are required are not there within `readyTimeoutMs`
 */
export async function start(options: ProcessorOptions = {}): Promise<Service> {
  const { port = 8082, env = process.env, readyTimeoutMs = 30_000 } = options;
  const frame = createFrame("processor", options);
  const queue = options.queue ?? (await queueOf(env, frame.logger));
  const topic = queue.topic ?? topicOf(env);
  const tally: Tally = { handled: 0, failed: 0, running: 0 };
  let consumer: Consumer | undefined;
  let failure: Error | undefined;
  takeMessages(frame, ["/enqueue"], { ...options, queue, topic });
  reportQueue(
    frame,
    queue,
    () => ({ workers: options.concurrency ?? 8, ...tally }),
    () => failure,
  );
  const drain = async (drainMs: number): Promise<void> => {
    const deadline = performance.now() + drainMs;
    // What only this process holds is handled before it ends; a broker keeps the rest for the next one.
    if (consumer && !failure) await untilEmpty(queue, deadline);
    await consumer?.close({ drainMs: Math.max(1, deadline - performance.now()) });
    if (!options.queue) await queue.close({ drainMs: Math.max(1, deadline - performance.now()) });
  };
  const service = await listen("processor", frame, { ...options, port }, drain);
  await readyOrClosed(service, queue, readyTimeoutMs, frame.logger);
  consumer = await work(frame, queue, topic, options, tally);
  consumer.done.catch((error: Error) => {
    failure = error;
    frame.logger.error({ error: error.message }, "the consumer has ended");
  });
  return service;
}

/** The pool of workers. */
async function work(frame: Frame, queue: QueueProvider, topic: string, options: ProcessorOptions, tally: Tally): Promise<Consumer> {
  const { logger } = frame;
  const told: Handler = (message, { attempt }) =>
    logger.info({ id: message.id, source: message.source, bytes: message.data.length, attempt }, "handled");
  const consumer = queue.consume(topic, counted(frame.metrics, tally, options.handler ?? told), {
    concurrency: options.concurrency ?? 8,
    maxDeliveries: options.maxDeliveries ?? 5,
    dedupe: options.dedupe ?? memoryDedupe(),
    ...(options.deadLetter !== undefined && { deadLetter: options.deadLetter }),
    onError: (error, message) => logger.warn({ id: message?.id, error: String(error) }, "a message was not handled"),
  });
  return consumer;
}

function counted(metrics: Registry, tally: Tally, handler: Handler): Handler {
  const registers = [metrics];
  const labelNames = ["result"] as const;
  const handled = new Counter({ name: "handled_total", help: "Runs of the handler", labelNames, registers });
  const seconds = new Histogram({ name: "handling_seconds", help: "Time of a run", labelNames, registers });
  const running = new Gauge({
    name: "workers_running",
    help: "Handlers that run now",
    registers,
    collect() {
      this.set(tally.running);
    },
  });
  running.set(0);
  return async (message, context) => {
    const end = seconds.startTimer();
    tally.running += 1;
    let result = "failed";
    try {
      await handler(message, context);
      result = "done";
    } finally {
      tally.running -= 1;
      tally[result === "done" ? "handled" : "failed"] += 1;
      handled.inc({ result });
      end({ result });
    }
  };
}

/** Waits until a queue in this process holds nothing more, or the time is over; brokers are not waited for. */
async function untilEmpty(queue: QueueProvider, deadline: number): Promise<void> {
  const { members = [{ name: queue.name, provider: queue }] } = queue.driver as {
    members?: readonly { name: string; provider: QueueProvider }[];
  };
  const own = members.filter(({ provider }) => provider.features.durable === "process").map(({ name }) => name);
  if (own.length === 0) return;
  while (performance.now() < deadline) {
    const stats = await queue.stats({ timeoutMs: 2_000 });
    const left = own.map((name) => stats.byMember?.[name]?.pending ?? (stats.byMember ? 0 : (stats.pending ?? 0)));
    if (left.every((count) => count === 0)) return;
    await wait(LOOK_MS);
  }
}
