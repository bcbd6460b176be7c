import { createQueue, type QueueDriver, type QueueOptions, type QueueProvider } from "@omni/core/queue";
import { coreDriver } from "./core-driver.ts";
import { type JetStreamDriver, jetStreamDriver } from "./driver.ts";
import { checkNatsOptions, type NatsQueueOptions } from "./options.ts";

/** The driver over JetStream: what `natsQueue` makes unless `mode` is `"core"`. */
export type NatsDriver = JetStreamDriver;

/**
 * Makes a queue over NATS: JetStream, or with `mode: "core"` NATS without it, which keeps nothing. Nothing is sent before the first call.
 *
 * @example
 * const queue = natsQueue({ url: "nats://127.0.0.1:4222", stream: "ORDERS", topic: "orders" });
 * await queue.publish({ data: "hello" });
 *
 * @throws OmniError INVALID_ARGUMENT that names the option, its value and the remedy
 */
export function natsQueue(options: NatsQueueOptions & { readonly mode: "core" }): QueueProvider;
export function natsQueue(options?: NatsQueueOptions & { readonly mode?: "jetstream" | undefined }): QueueProvider<NatsDriver>;
export function natsQueue(options: NatsQueueOptions = {}): QueueProvider {
  const settings = checkNatsOptions(options);
  return createQueue<QueueDriver>(settings.mode === "core" ? coreDriver(settings) : jetStreamDriver(settings), options);
}

/** The queue that `QUEUE_TYPE=nats` names: `NATS_URL` and `NATS_STREAM`. */
export function queueFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: QueueOptions = {},
): QueueProvider<NatsDriver> {
  const { NATS_URL: url, NATS_STREAM: stream } = env;
  return natsQueue({ ...options, ...(url !== undefined && { url }), ...(stream !== undefined && { stream }) });
}
