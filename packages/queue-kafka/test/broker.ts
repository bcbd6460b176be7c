import type { QueueProvider } from "@omni/core/queue";
import { queueKit } from "@omni/core/testing";
import { type KafkaDriver, type KafkaQueueOptions, kafkaQueue } from "@omni/queue-kafka";
import type { RunningServer } from "@omni/servers";

/** Options that make groups agree quickly, for tests. */
export const quick = { partitions: 2, heartbeatMs: 200, sessionTimeoutMs: 6_000, fetchWaitMs: 100, commitEveryMs: 20 } as const;

export function queueOn(server: RunningServer, options: Partial<KafkaQueueOptions> = {}): QueueProvider<KafkaDriver> {
  return kafkaQueue({ brokers: server.url, ...quick, ...options });
}

/** The kit against a broker of its own. */
export function kafkaKit(name: string, current: () => RunningServer, options: Partial<KafkaQueueOptions> = {}): void {
  queueKit(
    name,
    () => queueOn(current(), options),
    { describe, test, expect },
    {
      features: kafkaQueue({ brokers: "127.0.0.1:1", ...quick, ...options }).features,
      another: () => queueOn(current(), options),
      quietMs: 150,
      timeoutMs: 60_000,
      hooks: {
        restartBroker: async () => {
          await current().kill();
          await current().restart();
        },
        disconnect: async () => {
          await current().kill();
          return () => current().restart();
        },
        freeze: async () => {
          await current().pause();
          return () => current().resume();
        },
      },
    },
  );
}
