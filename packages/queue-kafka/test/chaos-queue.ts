import type { QueueProvider } from "@omni/core/queue";
import { kafkaQueue } from "@omni/queue-kafka";

/**
 * A broker that was killed is not let in again before its session of before has passed, 9 s by default: half of each stop would be that
 * wait (https://kafka.apache.org/documentation/#brokerconfigs_broker.session.timeout.ms).
 */
export const quickRestart = "broker.session.timeout.ms=2000\nbroker.heartbeat.interval.ms=400";

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
