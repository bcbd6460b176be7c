export type {
  ClientEvent,
  ClientOptions,
  ClientSubscription,
  ConnectClient,
  NatsAuth,
  NatsClient,
  NatsMessage,
  NatsTls,
  ServerFacts,
} from "./client.ts";
export { type NatsDriver, natsQueue, queueFromEnv } from "./factory.ts";
export type { NatsQueueOptions } from "./options.ts";
