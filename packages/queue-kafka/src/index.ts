export { type KafkaDriver, kafkaDriver } from "./driver.ts";
export { kafkaQueue, queueFromEnv } from "./factory.ts";
export type { KafkaCompression, KafkaQueueOptions, KafkaSasl } from "./options.ts";
