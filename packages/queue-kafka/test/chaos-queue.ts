import type { QueueProvider } from "@omni/core/queue";
import { kafkaQueue } from "@omni/queue-kafka";

/** The queue of the harnesses; the processes that are killed make theirs of the addresses alone. */
export function openQueue(brokers: string): QueueProvider {
  return kafkaQueue({
    brokers,
    partitions: 3,
    sessionTimeoutMs: 2_000,
    heartbeatMs: 200,
    rebalanceTimeoutMs: 4_000,
    fetchWaitMs: 100,
    commitEveryMs: 50,
    requestTimeoutMs: 5_000,
  });
}
