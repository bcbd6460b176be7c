import { OmniError } from "@omni/core";
import { newId, type QueueProvider } from "@omni/core/queue";
import { killRuns, recordCounts } from "@omni/property";
import { runBrokerStops } from "@omni/queue-chaos";
import { kafkaQueue } from "@omni/queue-kafka";
import { describeWithServer } from "@omni/servers";
import kafkajs from "kafkajs";
import { quickRestart } from "./chaos-queue.ts";

const stops = killRuns({ push: 6, test: 2 });
const PARTITIONS = 3;
// The first node is the cluster's one controller as well: without it no leader is chosen, and nothing could be said of the others.
const NODES = ["node2", "node3"] as const;

await describeWithServer(
  "kafka",
  "a cluster of three brokers, of which one is killed under load",
  (current) => {
    const open = (): QueueProvider =>
      kafkaQueue({
        brokers: current().url,
        partitions: PARTITIONS,
        replicationFactor: 3,
        // Acknowledged = in two logs at least.
        topicConfig: { "min.insync.replicas": "2" },
        sessionTimeoutMs: 6_000,
        heartbeatMs: 500,
        rebalanceTimeoutMs: 6_000,
        fetchWaitMs: 100,
        commitEveryMs: 50,
        requestTimeoutMs: 5_000,
      });

    test(
      `${stops} times, one and the other in turn: the other two go on, and nothing acknowledged is lost`,
      async () => {
        let turn = 0;
        let served = 0;
        const topic = `stops-${newId()}`;
        const outside = open();
        await publishInTheEnd(outside, topic, "first");
        const report = await runBrokerStops({
          stops,
          makeQueue: open,
          stop: () => current().kill(NODES[turn % 2] as string),
          async start() {
            await publishToEachPartition(outside, topic);
            served += 1;
            await current().restart();
            turn += 1;
            await untilInSync(current().url, topic);
          },
          upMs: 3_000,
          publishTimeoutMs: 5_000,
          settleMs: 120_000,
          topic,
        });
        await outside.close();
        const { violations, words, ...counts } = report;
        recordCounts({ brokerStops: report.stops, publishedWithTwoOfThree: served, ...counts, ...words });
        expect(violations).toEqual([]);
        expect([report.stops, served]).toEqual([stops, stops]);
        expect(report.acked).toBeGreaterThan(stops * 20);
      },
      180_000 + stops * 90_000,
    );
  },
  { private: true, nodes: 3, configuration: quickRestart },
);

/** With one broker down two copies are left: each partition takes messages, in the end, also the one that lost its leader. */
async function publishToEachPartition(queue: QueueProvider, topic: string): Promise<void> {
  const taken = new Set<number | undefined>();
  for (let n = 0; taken.size < PARTITIONS; n++) taken.add(await publishInTheEnd(queue, topic, `key-${n}`));
}

async function publishInTheEnd(queue: QueueProvider, topic: string, key: string): Promise<number | undefined> {
  const id = newId();
  for (;;) {
    try {
      const { position } = await queue.publish({ topic, id, key, data: id }, { timeoutMs: 5_000 });
      return position?.partition;
    } catch (error) {
      if (!(OmniError.is(error) && error.retryable)) throw error;
    }
  }
}

/** Until the broker that came back holds everything again: killed before that, the next one would leave less than two copies. */
async function untilInSync(brokers: string, topic: string): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: brokers.split(","), logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    for (;;) {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]?.partitions ?? [];
      if (partitions.length === PARTITIONS && partitions.every(({ isr }) => isr.length === 3)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await admin.disconnect();
  }
}
