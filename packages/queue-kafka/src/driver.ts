import type { QueueDriver, QueueDriverFeatures, QueueHealth, QueueSupporting } from "@omni/core/queue";
import { browseTopic } from "./browse.ts";
import type { KafkaClient } from "./client.ts";
import { AdminConnection } from "./connection.ts";
import { classifyError } from "./errors.ts";
import { kafkajsClient } from "./kafkajs-client.ts";
import { checkKafkaOptions, type KafkaQueueOptions, type KafkaSettings } from "./options.ts";
import { COMPRESSION_SLACK } from "./partition-lane.ts";
import { BATCH_OVERHEAD, sizeOfRecord } from "./record.ts";
import { Sender } from "./sender.ts";
import { KafkaSubscription } from "./subscription.ts";
import { checkTopicName, Topics } from "./topics.ts";
import { warnWhenNotClosed } from "./unclosed.ts";

/** The driver of Apache Kafka. */
export type KafkaDriver = QueueDriver & QueueSupporting<"browse">;

/**
 * Makes a driver for a Kafka cluster. Connects at first use.
 *
 * @throws OmniError INVALID_ARGUMENT; NOT_SUPPORTED for what kafkajs cannot do
 */
export function kafkaDriver(options: KafkaQueueOptions): KafkaDriver {
  const settings = checkKafkaOptions(options);
  return driverOver(kafkajsClient(settings), settings);
}

/** The driver over any client. */
export function driverOver(client: KafkaClient, settings: KafkaSettings): KafkaDriver {
  const { logger } = settings;
  const admin = new AdminConnection(client, settings, (error) => logger.debug({ error: String(error) }, "a connection ended late"));
  const topics = new Topics(admin, settings);
  const sender = new Sender(client, topics, settings);
  const subscriptions = new Set<KafkaSubscription>();
  const used = warnWhenNotClosed(settings.brokers.join(","), subscriptions);

  return {
    name: "kafka",
    identity: `kafka://${[...settings.brokers].sort().join(",")}`,
    features: featuresOf(settings),
    classifyError,
    check: checkTopicName,
    sizeOf: sizeOfRecord,
    publish(topic, batch, call) {
      used.begin();
      return sender.publish(topic, batch, call);
    },
    async subscribe(topic, call) {
      used.begin();
      await topics.find(topic);
      const parts = { client, admin, settings, topic, options: call };
      const subscription = new KafkaSubscription({ ...parts, onClose: (closed) => subscriptions.delete(closed) });
      subscriptions.add(subscription);
      await subscription.open(call.signal);
      return subscription;
    },
    browse: (topic, window) => browseTopic({ client, admin, settings }, topic, window),
    async ready() {
      used.begin();
      await admin.ask((broker) => broker.ping());
      await sender.ready();
    },
    stats: async ({ topic, group }) => (topic === undefined ? {} : statsOf(admin, topic, group)),
    health: () => healthOf(admin),
    async close() {
      used.end();
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
      await sender.close();
      await admin.close();
    },
  };
}

function featuresOf(settings: KafkaSettings): Partial<QueueDriverFeatures> {
  return {
    ordering: "key",
    delivery: "at-least-once",
    durable: "store",
    groups: true,
    startFrom: ["earliest", "latest", "time"],
    // Idempotence is of one producer's session: Kafka knows no message ids.
    dedupe: false,
    delayedNack: true,
    independentNack: true,
    attempts: "process",
    pipelined: true,
    headers: true,
    maxBytes: settings.maxMessageBytes - BATCH_OVERHEAD - COMPRESSION_SLACK,
    pending: true,
  };
}

async function statsOf(admin: AdminConnection, topic: string, group: string | undefined) {
  return admin.ask(async (broker) => {
    const ranges = await broker.ranges(topic);
    const stored = ranges.reduce((sum, { low, high }) => sum + high - low, 0);
    if (group === undefined) return { stored };
    const committed = await broker.committed(group, topic);
    const pending = ranges.reduce(
      (sum, { partition, low, high }) => sum + high - Math.max(low, committed.get(partition) ?? low),
      0,
    );
    return { stored, pending };
  });
}

async function healthOf(admin: AdminConnection): Promise<QueueHealth> {
  try {
    await admin.ask((broker) => broker.ping());
    return { status: "up" };
  } catch (error) {
    return { status: "down", reason: classifyError(error)?.reason ?? (error instanceof Error ? error.message : String(error)) };
  }
}
