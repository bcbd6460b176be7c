// Messages of 256 B published to NATS and Kafka as one queue, beside each alone and beside the two raw clients side by side. What counts is the CPU
// per message: the time is the slower broker's.
import {
  type Brokers,
  bothRaw,
  omniClient,
  omniKafka,
  omniNats,
  type QueueParams,
  queueSession,
  rawKafka,
  rawNats,
  startBrokers,
  stopBrokers,
} from "./peers/queue-clients.ts";
import { type Benchmark, defineBenchmark } from "./runner/benchmark.ts";

function cases(messages: readonly [number, number, number]): readonly QueueParams[] {
  return ([1, 64, 512] as const).map((inFlight, at) => ({ work: "publish", inFlight, messages: messages[at] ?? 0 }));
}

const benchmark: Benchmark = defineBenchmark<QueueParams, Brokers>({
  name: "composite",
  title: "messages of 256 B published to NATS and Kafka, both acknowledged",
  unit: "message",
  rounds: { usual: 15, fewest: 5 },
  compare: "time",
  params: { full: cases([300, 5_000, 20_000]), quick: cases([50, 500, 1_000]) },
  work: ({ messages }) => messages,
  setup: () => startBrokers("nats", "kafka"),
  teardown: () => stopBrokers(),
  subjects: {
    ours: {
      label: "Omni compositeQueue, strategy all",
      async start({ params, fixture }) {
        const { compositeQueue } = await import("@omni/queue-composite");
        const members = [await omniNats(fixture), await omniKafka(fixture)];
        const queue = compositeQueue(members, { strategy: "all", topic: members[1]?.topic });
        return queueSession(omniClient(queue), params);
      },
    },
    peers: [
      {
        name: "nats-alone",
        label: "Omni natsQueue alone",
        start: async ({ params, fixture }) => queueSession(omniClient(await omniNats(fixture)), params),
      },
      {
        name: "kafka-alone",
        label: "Omni kafkaQueue alone",
        start: async ({ params, fixture }) => queueSession(omniClient(await omniKafka(fixture)), params),
      },
      {
        name: "raw",
        label: "nats and kafkajs: js.publish and a send for each message",
        needs: { package: "kafkajs", how: "pnpm install" },
        // The sum of the two clients, in CPU time; wall time is judged where it can be measured, and CPU time stands beside it.
        target: { atMost: 1.05 },
        start: async ({ params, fixture }) =>
          queueSession(bothRaw(await rawNats(fixture), await rawKafka(fixture, "one send each")), params),
      },
      {
        name: "raw-batches",
        label: "nats and kafkajs: js.publish, and one send for as many as may be in flight",
        needs: { package: "kafkajs", how: "pnpm install" },
        takes: ({ inFlight }) => inFlight > 1,
        start: async ({ params, fixture }) =>
          queueSession(bothRaw(await rawNats(fixture), await rawKafka(fixture, "one send of many")), params),
      },
    ],
  },
});

export default benchmark;
