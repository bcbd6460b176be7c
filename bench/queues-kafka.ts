// Messages of 256 B into Kafka and out of it, beside kafkajs doing the same: message by message, and in batches made by hand.
import {
  type Brokers,
  omniClient,
  omniKafka,
  type QueueParams,
  queueCases,
  queueSession,
  rawKafka,
  startBrokers,
  stopBrokers,
} from "./peers/queue-clients.ts";
import { type Benchmark, defineBenchmark } from "./runner/benchmark.ts";

const benchmark: Benchmark = defineBenchmark<QueueParams, Brokers>({
  name: "queues-kafka",
  title: "messages of 256 B through Kafka",
  unit: "message",
  rounds: { usual: 15, fewest: 5 },
  compare: "time",
  params: { full: queueCases([300, 5_000, 20_000, 30_000]), quick: queueCases([50, 500, 1_000, 1_000]) },
  work: ({ messages }) => messages,
  setup: () => startBrokers("kafka"),
  teardown: () => stopBrokers(),
  subjects: {
    ours: {
      label: "Omni kafkaQueue",
      start: async ({ params, fixture }) => queueSession(omniClient(await omniKafka(fixture)), params),
    },
    peers: [
      {
        name: "kafkajs",
        label: "kafkajs: a send for each message",
        needs: { package: "kafkajs", how: "pnpm install" },
        // 0.97 of its speed.
        target: { atMost: 1.031 },
        start: async ({ params, fixture }) => queueSession(await rawKafka(fixture, "one send each"), params),
      },
      {
        name: "kafkajs-batches",
        label: "kafkajs: a send for as many as may be in flight, one after the other",
        needs: { package: "kafkajs", how: "pnpm install" },
        takes: ({ work, inFlight }) => work === "publish" && inFlight > 1,
        start: async ({ params, fixture }) => queueSession(await rawKafka(fixture, "one send of many"), params),
      },
    ],
  },
});

export default benchmark;
