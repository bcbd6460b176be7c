import type { QueueProvider } from "@omni/core/queue";
import { type CompositeMember, type CompositeOptions, compositeQueue } from "@omni/queue-composite";
import { type KafkaQueueOptions, kafkaQueue } from "@omni/queue-kafka";
import { type NatsQueueOptions, natsQueue } from "@omni/queue-nats";
import type { RunningServer } from "@omni/servers";
import { Kafka, logLevel } from "kafkajs";
import { connect } from "nats";

/** The two servers of a suite. */
export type Servers = (name: "nats" | "kafka") => RunningServer;

export const STREAM = "DUAL";

export function natsOn(servers: Servers, options: Partial<NatsQueueOptions & { readonly mode: "jetstream" }> = {}): QueueProvider {
  return natsQueue({ url: servers("nats").url, stream: STREAM, ackDeadlineMs: 2_000, maxReconnectDelayMs: 200, ...options });
}

/** With options that make groups agree quickly. */
export function kafkaOn(servers: Servers, options: Partial<KafkaQueueOptions> = {}): QueueProvider {
  const quick = { sessionTimeoutMs: 6_000, heartbeatMs: 200, fetchWaitMs: 100, commitEveryMs: 20 };
  return kafkaQueue({ brokers: servers("kafka").url, partitions: 2, ...quick, ...options });
}

/** NATS and Kafka as one, and members beside them. A broker that is back is tried soon. */
export function both(
  servers: Servers,
  options: CompositeOptions = {},
  ...more: readonly CompositeMember[]
): ReturnType<typeof compositeQueue> {
  const members = [natsOn(servers), kafkaOn(servers), ...more];
  return compositeQueue(members, { breaker: { failures: 3, openMs: 500 }, memberTimeoutMs: 3_000, ...options });
}

/** Looks until it is so; gives up after a minute. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const began = performance.now();
  while (!(await isSo())) {
    if (performance.now() - began > 60_000) throw new Error(`not within a minute: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A message as a raw client reads it. */
export interface RawMessage {
  readonly id: string | undefined;
  readonly text: string;
}

/** The newest message of a topic, by the npm package nats. */
export async function lastInNats(servers: Servers, topic: string): Promise<RawMessage> {
  const connection = await connect({ servers: servers("nats").url });
  try {
    const manager = await connection.jetstreamManager();
    const { data, header } = await manager.streams.getMessage(STREAM, { last_by_subj: `${STREAM}.${topic}` });
    return { id: header?.get("omni-id"), text: new TextDecoder().decode(data) };
  } finally {
    await connection.close();
  }
}

/** The first so many messages of a topic, by the npm package kafkajs. */
export async function firstInKafka(servers: Servers, topic: string, count = 1): Promise<readonly RawMessage[]> {
  const client = new Kafka({ brokers: servers("kafka").url.split(","), logLevel: logLevel.NOTHING });
  const consumer = client.consumer({ groupId: `raw-${topic}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    const found: RawMessage[] = [];
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: { readonly message: { headers?: object; value: Buffer | null } }): Promise<void> => {
        const { "omni-id": id } = (message.headers ?? {}) as { readonly "omni-id"?: Buffer };
        found.push({ id: id?.toString(), text: message.value?.toString() ?? "" });
        if (found.length >= count) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    return found.slice(0, count);
  } finally {
    await consumer.disconnect();
  }
}
