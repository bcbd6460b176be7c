// Messages of 256 B into NATS JetStream and out of it, beside the npm package nats doing the same.
import {
  type Brokers,
  omniClient,
  omniNats,
  type QueueParams,
  queueSession,
  rawNats,
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
  name: "queues-nats",
  title: "messages of 256 B through NATS JetStream",
  unit: "message",
  compare: "time",
  params: { full: cases([2_000, 10_000, 20_000, 20_000]), quick: cases([100, 1_000, 1_000, 1_000]) },
  work: ({ messages }) => messages,
  setup: () => startBrokers("nats"),
  teardown: () => stopBrokers(),
  subjects: {
    ours: {
      label: "Omni natsQueue",
      start: async ({ params, fixture }) => queueSession(omniClient(await omniNats(fixture)), params),
    },
    peers: [
      {
        name: "nats",
        label: "nats: js.publish with msgID, durable pull consumer",
        needs: { package: "nats", how: "pnpm install" },
        // 0.97 of its speed.
        target: { atMost: 1.031 },
        start: async ({ params, fixture }) => queueSession(await rawNats(fixture), params),
      },
    ],
  },
});

export default benchmark;
