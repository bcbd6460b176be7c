import { OmniError } from "@omni/core";
import { createQueue, type QueueOptions, type QueueProvider } from "@omni/core/queue";
import { type KafkaDriver, kafkaDriver } from "./driver.ts";
import type { KafkaQueueOptions } from "./options.ts";

/**
 * Makes a queue on Apache Kafka. Connects at first use.
 *
 * @throws OmniError INVALID_ARGUMENT; NOT_SUPPORTED for what kafkajs cannot do
 */
export function kafkaQueue(options: KafkaQueueOptions): QueueProvider<KafkaDriver> {
  return createQueue(kafkaDriver(options), options);
}

/** The queue that `QUEUE_TYPE=kafka` names: `KAFKA_BROKERS`, `KAFKA_TOPIC` and `KAFKA_CONSUMER_GROUP`. */
export function queueFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: QueueOptions = {},
): QueueProvider<KafkaDriver> {
  const { KAFKA_BROKERS: brokers, KAFKA_TOPIC, KAFKA_CONSUMER_GROUP } = env;
  if (brokers === undefined) {
    const reason = 'KAFKA_BROKERS is not set: the addresses of the brokers, like "localhost:9092" or "a:9092,b:9092"';
    throw new OmniError("INVALID_ARGUMENT", { operation: "createQueueFromEnv", reason });
  }
  const topic = options.topic ?? KAFKA_TOPIC;
  const group = KAFKA_CONSUMER_GROUP ?? options.group;
  return kafkaQueue({ ...options, brokers, topic, group });
}
