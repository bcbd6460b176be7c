// Takes messages from the gateway and puts them on the queue.
import type { QueueProvider } from "@omni/core/queue";
import { topicOf } from "./environment.ts";
import { takeMessages } from "./intake.ts";
import { type QueueServiceOptions, queueOf, reportQueue, untilReady } from "./message-queue.ts";
import { createFrame, listen, type Service } from "./service.ts";

/**
 * Starts the service; resolves when the brokers that are required are there. It listens before that and answers 503.
 *
 * @throws OmniError naming the brokers when they are not there within `readyTimeoutMs`
 */
export async function start(options: QueueServiceOptions = {}): Promise<Service> {
  const { port = 8081, env = process.env, readyTimeoutMs = 30_000 } = options;
  const frame = createFrame("ingest", options);
  const queue = options.queue ?? (await queueOf(env, frame.logger));
  const topic = queue.topic ?? topicOf(env);
  takeMessages(frame, ["/api/v1/ingest", "/ingest", "/enqueue"], { ...options, queue, topic });
  reportQueue(
    frame,
    queue,
    () => ({}),
    () => undefined,
  );
  const drain = async (drainMs: number): Promise<void> => {
    if (!options.queue) await queue.close({ drainMs });
  };
  const service = await listen("ingest", frame, { ...options, port }, drain);
  await readyOrClosed(service, queue, readyTimeoutMs, frame.logger);
  return service;
}

/** Waits for the brokers; a service that does not get them ends. */
export async function readyOrClosed(
  service: Service,
  queue: QueueProvider,
  timeoutMs: number,
  logger: Parameters<typeof untilReady>[2],
): Promise<void> {
  try {
    await untilReady(queue, timeoutMs, logger);
  } catch (error) {
    await service.close({ drainMs: 1_000 });
    throw error;
  }
}
