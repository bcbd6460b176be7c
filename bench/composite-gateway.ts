// Requests at the example's gateway, which publishes to NATS and Kafka, beside a bare route of Fastify that publishes with the raw clients.
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { HttpLoad } from "./peers/http-load.ts";
import { type Brokers, bothRaw, rawKafka, rawNats, startBrokers, stopBrokers } from "./peers/queue-clients.ts";
import { type Benchmark, defineBenchmark, type Session } from "./runner/benchmark.ts";
import { median } from "./runner/statistics.ts";

type GatewayParams = {
  readonly requests: number;
  readonly connections: number;
  /** Half of the highest rate: evenly paced, the same for all subjects; the case's setup finds it out. */
  readonly load: "as fast as they are answered" | "half of the gateway's highest rate";
};

/** The brokers, and the pace of the case in requests a second; null: as fast as they are answered. */
type GatewayFixture = Brokers & { readonly perSecond: number | null };

/** A server that takes messages at this address. */
interface Door {
  readonly url: string;
  close(): Promise<unknown>;
}

const path = "/api/v1/ingest";
const message = { source: "bench", data: "x".repeat(256) };

/** The median of these saturating runs, after one that warms up, is the highest rate. */
const probes = 3;

const isPaced = ({ load }: GatewayParams): boolean => load === "half of the gateway's highest rate";

function session({ requests, connections }: GatewayParams, { perSecond }: GatewayFixture, door: Door): Session {
  const load = new HttpLoad();
  const order = { url: new URL(path, door.url).href, requests, connections, body: JSON.stringify(message), perSecond };
  let last = { accepted: 0, others: 0, p50Ms: 0, p95Ms: 0 };
  return {
    async run() {
      last = await load.run(order);
    },
    figures: () => ({
      "P50 in ms": last.p50Ms,
      "P95 in ms": last.p95Ms,
      ...(perSecond !== null && { "due per second": perSecond }),
    }),
    proof: () => `${last.accepted} accepted, ${last.others} not`,
    async close() {
      load.close();
      await door.close();
    },
  };
}

async function setup(params: GatewayParams): Promise<GatewayFixture> {
  const brokers = await startBrokers("nats", "kafka");
  try {
    return { ...brokers, perSecond: isPaced(params) ? Math.max(1, Math.floor((await highestRate(params, brokers)) / 2)) : null };
  } catch (error) {
    await stopBrokers();
    throw error;
  }
}

/** Requests a second that the gateway answers when it is sent the next as soon as it has answered one, now and on this machine. */
async function highestRate(params: GatewayParams, brokers: Brokers): Promise<number> {
  const saturating = session(params, { ...brokers, perSecond: null }, await services(brokers, "gateway"));
  try {
    const rates: number[] = [];
    for (let run = 0; run <= probes; run += 1) {
      const begin = performance.now();
      await saturating.run();
      if (run > 0) rates.push((params.requests * 1000) / (performance.now() - begin));
    }
    return median(rates);
  } finally {
    await saturating.close?.();
  }
}

/** The services of the example, in this process: the whole way of a request, or the second half. */
async function services({ nats, kafka }: Brokers, from: "gateway" | "ingest"): Promise<Door> {
  const [gateway, ingest] = await Promise.all([
    import("../examples/ingest/src/gateway.ts"),
    import("../examples/ingest/src/ingest.ts"),
  ]);
  const env = {
    QUEUE_TYPE: "composite",
    COMPOSITE_PROVIDERS: "nats,kafka",
    NATS_URL: nats ?? "",
    NATS_STREAM: "OURS",
    KAFKA_BROKERS: kafka ?? "",
    QUEUE_TOPIC: `ours-${process.pid}`,
  };
  const behind = await ingest.start({ env, port: 0 });
  if (from === "ingest") return behind;
  const door = await gateway.start({ port: 0, ingestUrl: behind.url, topic: env.QUEUE_TOPIC });
  return { url: door.url, close: () => door.close().then(() => behind.close()) };
}

/** As one would write it by hand, without any of the answers to what can go wrong. */
async function bareRoute(brokers: Brokers): Promise<Door> {
  const { default: fastify } = await import("fastify");
  const clients = bothRaw(await rawNats(brokers), await rawKafka(brokers, "one send each"));
  const app = fastify();
  app.post<{ Body: typeof message }>(path, async (request, reply) => {
    const messageId = randomUUID();
    await clients.publish(Buffer.from(JSON.stringify({ id: messageId, ...request.body })));
    return reply.code(202).send({ messageId, status: "accepted" });
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => app.close().then(() => clients.close()) };
}

const benchmark: Benchmark = defineBenchmark<GatewayParams, GatewayFixture>({
  name: "composite-gateway",
  title: "requests that publish to NATS and Kafka",
  unit: "request",
  rounds: { usual: 15, fewest: 5 },
  compare: "time",
  params: {
    full: [
      { requests: 3_000, connections: 50, load: "as fast as they are answered" },
      { requests: 2_000, connections: 50, load: "half of the gateway's highest rate" },
    ],
    quick: [
      { requests: 100, connections: 10, load: "as fast as they are answered" },
      { requests: 100, connections: 10, load: "half of the gateway's highest rate" },
    ],
  },
  work: ({ requests }) => requests,
  isPaced,
  setup,
  teardown: () => stopBrokers(),
  subjects: {
    ours: {
      label: "the example's gateway and ingest, two requests one after the other",
      start: async ({ params, fixture }) => session(params, fixture, await services(fixture, "gateway")),
    },
    peers: [
      {
        name: "ingest",
        label: "the example's ingest alone",
        start: async ({ params, fixture }) => session(params, fixture, await services(fixture, "ingest")),
      },
      {
        name: "bare",
        label: "a bare route of Fastify with nats and kafkajs",
        needs: { package: "fastify", how: "pnpm install" },
        // 0.8 of its rate.
        target: { atMost: 1.25 },
        start: async ({ params, fixture }) => session(params, fixture, await bareRoute(fixture)),
      },
    ],
  },
});

export default benchmark;
