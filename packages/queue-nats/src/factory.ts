import { createQueue, type QueueOptions, type QueueProvider } from "@omni/core/queue";
import { type JetStreamDriver, jetStreamDriver } from "./driver.ts";
import { checkNatsOptions, type NatsQueueOptions } from "./options.ts";

/** What {@link natsQueue} makes. */
export type NatsDriver = JetStreamDriver;

/**
 * Makes a queue over NATS. Nothing is sent before the first call.
 *
 * @example
 * const queue = natsQueue({ url: "nats://127.0.0.1:4222", stream: "ORDERS", topic: "orders" });
 * await queue.publish({ data: "hello" });
 *
 * @throws OmniError INVALID_ARGUMENT that names the option, its value and the remedy
 */
export function natsQueue(options: NatsQueueOptions = {}): QueueProvider<NatsDriver> {
  return createQueue(natsDriver(options), options);
}

/** @throws OmniError INVALID_ARGUMENT */
export function natsDriver(options: NatsQueueOptions = {}): NatsDriver {
  return jetStreamDriver(checkNatsOptions(options));
}

/** The queue that `QUEUE_TYPE=nats` names: `NATS_URL` and `NATS_STREAM`. */
export function queueFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: QueueOptions = {},
): QueueProvider<NatsDriver> {
  const { NATS_URL: url, NATS_STREAM: stream } = env;
  return natsQueue({ ...options, ...(url !== undefined && { url }), ...(stream !== undefined && { stream }) });
}
