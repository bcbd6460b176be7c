// The three services in one process over one queue.
import type { QueueProvider } from "@omni/core/queue";
import { topicOf } from "./environment.ts";
import * as gateway from "./gateway.ts";
import * as ingest from "./ingest.ts";
import { type QueueServiceOptions, queueOf } from "./message-queue.ts";
import * as processor from "./processor.ts";
import { createLogger, type Service } from "./service.ts";

export interface AllOptions extends Omit<processor.ProcessorOptions, "port"> {
  /** 0 = free ones. @default 8080, 8081, 8082 */
  readonly ports?: { readonly gateway: number; readonly ingest: number; readonly processor: number } | undefined;
  readonly gateway?: Pick<gateway.GatewayOptions, "forwardTimeoutMs" | "statusTimeoutMs"> | undefined;
}

/** The services, running. */
export interface AllServices {
  readonly gateway: Service;
  readonly ingest: Service;
  readonly processor: Service;
  readonly queue: QueueProvider;
  /** Ends them in the order in which messages pass them, so that what was accepted is handled. */
  close(options?: { readonly drainMs?: number | undefined }): Promise<void>;
}

/** @throws OmniError as the services do; those that had started are closed */
export async function startAll(options: AllOptions = {}): Promise<AllServices> {
  const { ports = { gateway: 8080, ingest: 8081, processor: 8082 }, env = process.env, logger = createLogger("silent") } = options;
  const queue = options.queue ?? (await queueOf(env, logger));
  const started: Service[] = [];
  const close = async ({ drainMs = options.drainMs ?? 25_000 }: { readonly drainMs?: number | undefined } = {}): Promise<void> => {
    const deadline = performance.now() + drainMs;
    const left = (): number => Math.max(1, Math.round(deadline - performance.now()));
    // The gateway was started last and ends first; processor, started first, ends when nothing more can come.
    for (const service of started.toReversed()) await service.close({ drainMs: left() });
    if (!options.queue) await queue.close({ drainMs: left() });
  };
  const begin = async (starting: Promise<Service>): Promise<Service> => {
    const service = await starting;
    started.push(service);
    return service;
  };
  const shared: QueueServiceOptions = { ...options, env, queue, logger };
  try {
    const last = await begin(processor.start({ ...options, ...shared, port: ports.processor }));
    const middle = await begin(ingest.start({ ...shared, port: ports.ingest }));
    const urls = { ingestUrl: middle.url, processorUrl: last.url };
    const topic = queue.topic ?? topicOf(env);
    const door = { ...options.gateway, ...urls, topic, logger, host: options.host, bodyLimitBytes: options.bodyLimitBytes };
    const first = await begin(gateway.start({ ...door, port: ports.gateway }));
    return { gateway: first, ingest: middle, processor: last, queue, close };
  } catch (error) {
    await close({ drainMs: 1_000 });
    throw error;
  }
}
