import { newId } from "@omni/core/queue";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { Service } from "./service.ts";

const COUNT = 25;

/** Everything that one process places, the other one ships; both end by a signal, after they have drained. */
async function placeAndShip(env: Readonly<Record<string, string>>): Promise<void> {
  const consumer = new Service("consumer", env);
  try {
    await consumer.until(() => consumer.values("subscribed").length > 0);
    const finite = new Service("producer", env, "--count", String(COUNT), "--every-ms", "1");
    expect(await finite.end()).toBe(0);
    const placed = finite.values("placed");
    expect(placed).toHaveLength(COUNT);
    await consumer.until(() => consumer.values("shipped").length >= COUNT);
    expect(new Set(consumer.values("shipped"))).toEqual(new Set(placed));

    const endless = new Service("producer", env, "--every-ms", "10");
    await endless.until(() => endless.values("placed").length > 2);
    expect(await endless.end("SIGTERM")).toBe("SIGTERM");
    const all = new Set([...placed, ...endless.values("placed")]);
    await consumer.until(() => new Set(consumer.values("shipped")).size >= all.size);
    expect(new Set(consumer.values("shipped"))).toEqual(all);
    expect(await consumer.end("SIGTERM")).toBe("SIGTERM");
    expect([finite, endless, consumer].map(({ complaints }) => complaints).join("")).not.toContain("nobody else");
  } finally {
    await consumer.end("SIGKILL");
  }
}

await describeWithServer("nats", "producer and consumer, two processes on NATS", (current: () => RunningServer) => {
  test("what one places the other ships", async () => {
    const stream = `ORDERS_${newId().slice(-8)}`;
    await placeAndShip({ QUEUE_TYPE: "nats", NATS_URL: current().url, NATS_STREAM: stream });
  });
});

await describeWithServer("kafka", "producer and consumer, two processes on Kafka", (current: () => RunningServer) => {
  test("what one places the other ships", async () => {
    await placeAndShip({ QUEUE_TYPE: "kafka", KAFKA_BROKERS: current().url, KAFKA_TOPIC: `orders-${newId().slice(-8)}` });
  }, 120_000);
});

describe("started alone with QUEUE_TYPE=memory", () => {
  test("the producer says that nobody else can see the queue", async () => {
    const service = new Service("producer", { QUEUE_TYPE: "memory" }, "--count", "2", "--every-ms", "1");
    expect(await service.end()).toBe(0);
    expect(service.values("placed")).toHaveLength(2);
    expect(service.complaints).toMatch(/nobody else can see this queue: .*QUEUE_TYPE=nats or kafka/);
  });

  test("so does the consumer", async () => {
    const service = new Service("consumer", { QUEUE_TYPE: "memory" });
    await service.until(() => service.values("subscribed").length > 0 && service.complaints.endsWith("\n"));
    expect(await service.end("SIGTERM")).toBe("SIGTERM");
    expect(service.complaints).toMatch(/nobody else can see this queue: .*QUEUE_TYPE=nats or kafka/);
  });
});

test("a queue that cannot be had is named, with those that can, and ends the service", async () => {
  for (const name of ["producer", "consumer"] as const) {
    const service = new Service(name, { QUEUE_TYPE: "rabbit" });
    expect(await service.end()).toBe(1);
    expect(service.complaints).toMatch(/QUEUE_TYPE is "rabbit"; allowed: memory, nats, kafka, composite/);
  }
});
