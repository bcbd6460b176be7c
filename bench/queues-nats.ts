// Messages of 256 B into NATS JetStream and out of it, beside the npm package nats doing the same.
import {
  type Brokers,
  omniClient,
  omniNats,
  type QueueParams,
  queueCases,
  queueSession,
  rawNats,
  startBrokers,
  stopBrokers,
} from "./peers/queue-clients.ts";
import { type Benchmark, defineBenchmark } from "./runner/benchmark.ts";

const benchmark: Benchmark = defineBenchmark<QueueParams, Brokers>({
  name: "queues-nats",
  title: "messages of 256 B through NATS JetStream",
  unit: "message",
  compare: "time",
  params: { full: queueCases([2_000, 10_000, 20_000, 20_000]), quick: queueCases([100, 1_000, 1_000, 1_000]) },
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
