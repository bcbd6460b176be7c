// Messages of 256 B into Kafka and out of it, beside kafkajs doing the same: message by message, and in batches made by hand.
import {
  type Brokers,
  omniClient,
  omniKafka,
  type QueueParams,
  queueSession,
  rawKafka,
  startBrokers,
  stopBrokers,
} from "./peers/queue-clients.ts";
import { type Benchmark, defineBenchmark } from "./runner/benchmark.ts";

function cases(messages: readonly [number, number, number, number]): readonly QueueParams[] {
  const [one, some, many, read] = messages;
  return [
    { work: "publish", inFlight: 1, messages: one },
    { work: "publish", inFlight: 64, messages: some },
    { work: "publish", inFlight: 512, messages: many },
    { work: "consume", inFlight: 0, messages: read },
  ];
}

const benchmark: Benchmark = defineBenchmark<QueueParams, Brokers>({
  name: "queues-kafka",
  title: "messages of 256 B through Kafka",
  unit: "message",
  rounds: { usual: 15, fewest: 5 },
  compare: "time",
  params: { full: cases([300, 5_000, 20_000, 30_000]), quick: cases([50, 500, 1_000, 1_000]) },
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
