import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { OmniError } from "@omni/core";
import { newId } from "@omni/core/queue";
import { faultProxy } from "@omni/fault-proxy";
import { type KafkaQueueOptions, kafkaQueue } from "@omni/queue-kafka";
import { describeWithServer } from "@omni/servers";
import { queueOn, quick } from "./broker.ts";

/** What fails, and after how many milliseconds. */
async function failure(work: () => PromiseLike<unknown>): Promise<{ readonly error: OmniError; readonly ms: number }> {
  const began = performance.now();
  const error = await Promise.resolve(work()).then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (!OmniError.is(error)) throw error;
  return { error, ms: performance.now() - began };
}

describe("a wrong address", () => {
  for (const [what, use] of [
    ["publish", (queue) => queue.publish({ topic: "t", data: "x" })],
    ["consume", (queue) => queue.consume("t", () => undefined)],
    ["ready", (queue) => queue.ready()],
  ] as readonly (readonly [string, (queue: ReturnType<typeof kafkaQueue>) => PromiseLike<unknown>])[]) {
    test(`${what} says within seconds that no broker is there, and what to check`, async () => {
      const queue = kafkaQueue({ brokers: "127.0.0.1:1" });
      const { error, ms } = await failure(() => use(queue));
      expect(error.code).toBe("UNAVAILABLE");
      expect(error.message).toMatch(/KAFKA_BROKERS/);
      expect(ms).toBeLessThan(5_000);
      await queue.close();
    });
  }

  test("health is down, and says why", async () => {
    const queue = kafkaQueue({ brokers: "127.0.0.1:1" });
    expect(await queue.health()).toEqual({ status: "down", reason: expect.stringMatching(/KAFKA_BROKERS/) });
    await queue.close();
  });

  test("something that is no Kafka broker is said not to be reached", async () => {
    await using proxy = await faultProxy("127.0.0.1:1", { mode: "tcp" });
    const queue = kafkaQueue({ brokers: proxy.url.replace(/^\w+:\/\//, ""), requestTimeoutMs: 1_000 });
    const { error, ms } = await failure(() => queue.publish({ topic: "t", data: "x" }));
    expect(["UNAVAILABLE", "TIMEOUT"]).toContain(error.code);
    expect(error.outcome).toBe("not-applied");
    expect(ms).toBeLessThan(10_500);
    await queue.close();
  });
});

await describeWithServer(
  "kafka",
  "a broker that is there",
  (current) => {
    test("a missing topic, where none is to be created, is NOT_FOUND with the remedy", async () => {
      const queue = queueOn(current(), { createTopics: false });
      const topic = `missing-${newId()}`;
      for (const use of [() => queue.publish({ topic, data: "x" }), () => queue.consume(topic, () => undefined)]) {
        const { error, ms } = await failure(use);
        expect(error.code).toBe("NOT_FOUND");
        expect(error.message).toMatch(/kafka-topics\.sh --create.*createTopics/);
        expect(ms).toBeLessThan(5_000);
      }
      await queue.close();
    });

    test("more copies than brokers are refused, naming the option", async () => {
      const queue = queueOn(current(), { replicationFactor: 3 });
      const { error } = await failure(() => queue.publish({ topic: `copies-${newId()}`, data: "x" }));
      expect([error.code, error.outcome]).toEqual(["INVALID_ARGUMENT", "not-applied"]);
      expect(error.message).toMatch(/replicationFactor/);
      await queue.close();
    });

    test("a session timeout that the broker does not take names its limits", async () => {
      const queue = queueOn(current(), { sessionTimeoutMs: 200, heartbeatMs: 50 });
      const { error, ms } = await failure(() => queue.consume(`session-${newId()}`, () => undefined));
      expect(error.code).toBe("INVALID_ARGUMENT");
      expect(error.message).toMatch(/group\.min\.session\.timeout\.ms/);
      expect(ms).toBeLessThan(5_000);
      await queue.close();
    });

    test("TLS to a port without it ends within seconds", async () => {
      const queue = queueOn(current(), { tls: true });
      const { error, ms } = await failure(() => queue.publish({ topic: "t", data: "x" }));
      expect(error.code).toBe("UNAVAILABLE");
      expect(error.message).toMatch(/TLS/);
      expect(ms).toBeLessThan(10_500);
      await queue.close();
    });

    test("a message that the topic does not take is TOO_LARGE, and those beside it are stored", async () => {
      const queue = queueOn(current(), { partitions: 1, topicConfig: { "max.message.bytes": "2000" } });
      const topic = `large-${newId()}`;
      const sizes = [100, 5_000, 200, 300];
      const settled = await queue
        .publish(sizes.map((size) => ({ topic, data: new Uint8Array(size) })))
        .catch((error) => error.results);
      expect(settled.map((result: { readonly state: string }) => result.state)).toEqual(["acked", "rejected", "acked", "acked"]);
      expect(settled[1].error.code).toBe("TOO_LARGE");
      expect(settled[1].error.message).toMatch(/max\.message\.bytes/);
      const kept: number[] = [];
      for await (const message of queue.browse(topic)) kept.push(message.data.byteLength);
      expect(kept).toEqual([100, 200, 300]);
      await queue.close();
    });

    test("a script that forgets close() ends by itself, and is told", async () => {
      const script = fileURLToPath(new URL("./forgets-close.ts", import.meta.url));
      const child = spawn(process.execPath, ["--conditions=@omni/source", script, current().url, `forgets-${newId()}`], {
        env: { PATH: process.env.PATH, NODE_OPTIONS: "" },
      });
      let said = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
      const code = await new Promise((resolve) => child.on("close", resolve));
      expect(said).toMatch(/acked/);
      expect(said).toMatch(/OMNI_QUEUE_NOT_CLOSED.*never closed: call close\(\)/s);
      expect(said).not.toMatch(/TimeoutNegativeWarning|partitioner|kafkajs/i);
      expect(code).toBe(0);
    });
  },
  { private: true },
);

/** A port that nobody has now. */
async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}

const [plain, controller, guarded] = [await freePort(), await freePort(), await freePort()];
const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ada="right";';

// The server is looked after over a listener without a password, beside the guarded one.
await describeWithServer(
  "kafka",
  "a broker that wants a password",
  () => {
    const guardedQueue = (password: string, options: Partial<KafkaQueueOptions> = {}) =>
      kafkaQueue({
        brokers: `127.0.0.1:${guarded}`,
        ...quick,
        sasl: { mechanism: "plain", username: "ada", password },
        ...options,
      });

    test("the right one is taken", async () => {
      const queue = guardedQueue("right");
      expect((await queue.publish({ topic: "t", data: "x" })).state).toBe("acked");
      await queue.close();
    });

    test("a wrong one is UNAUTHENTICATED, and is not shown", async () => {
      const lines: unknown[] = [];
      const note = (...line: unknown[]): number => lines.push(line);
      const queue = guardedQueue("wr0ng-s3cret", { logger: { debug: note, info: note, warn: note, error: note } });
      for (const use of [() => queue.publish({ topic: "t", data: "x" }), () => queue.consume("t", () => undefined)]) {
        const { error, ms } = await failure(use);
        expect(error.code).toBe("UNAUTHENTICATED");
        expect(error.message).toMatch(/check the option sasl/);
        expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain("wr0ng-s3cret");
        expect(ms).toBeLessThan(5_000);
      }
      expect(lines.length).toBeGreaterThan(0);
      expect(JSON.stringify(lines)).not.toContain("wr0ng-s3cret");
      await queue.close();
    });
  },
  {
    private: true,
    ports: { node1: plain, controller1: controller },
    configuration: [
      `listeners=PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},GUARDED://127.0.0.1:${guarded}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${plain},GUARDED://127.0.0.1:${guarded}`,
      "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT",
      "listener.name.guarded.sasl.enabled.mechanisms=PLAIN",
      `listener.name.guarded.plain.sasl.jaas.config=${login}`,
    ].join("\n"),
  },
);
