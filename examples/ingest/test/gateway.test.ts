import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createQueue, type QueueHealth } from "@omni/core/queue";
import { faultyQueue } from "@omni/core/testing";
import { memoryDriver, memoryQueue } from "@omni/queue-memory";
import * as gateway from "../src/gateway.ts";
import { messageIdOf } from "../src/idempotency.ts";
import { Bell, ending, metricsOf, post, running } from "./running.ts";

const BODY = { source: "test", data: "dual-write test" };
const KEY = { "idempotency-key": "k" };

describe("over real HTTP", () => {
  test.each(["/api/v1/ingest", "/ingest", "/enqueue"])(
    "a message sent to %s is handled, with everything that it has",
    async (path) => {
      const bell = new Bell();
      const services = await running({
        handler: (message) =>
          bell.ring(`${message.id} ${message.source} ${message.key} ${message.metadata.trace} ${message.text()}`),
      });
      const answer = await fetch(new URL(path, services.gateway.url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...BODY, key: "a", metadata: { trace: "7" } }),
      });
      const { messageId, status } = (await answer.json()) as { messageId: string; status: string };
      expect([answer.status, status]).toEqual([202, "accepted"]);
      expect(await bell.times(1)).toEqual([`${messageId} test a 7 dual-write test`]);
    },
  );

  test("the ports are those that were asked for or free ones, and say where they are", async () => {
    const { gateway: door, ingest, processor } = await running();
    for (const { url, address } of [door, ingest, processor]) {
      expect(url).toBe(`http://127.0.0.1:${address.port}`);
      expect(await (await fetch(new URL("/health", url))).json()).toMatchObject({ status: "up" });
    }
    expect(new Set([door.url, ingest.url, processor.url]).size).toBe(3);
  });
});

describe("what ingest says comes through", () => {
  test("a conflict, a full queue and a broker that is down, each with its id", async () => {
    const queue = faultyQueue(ending(memoryQueue({ topic: "messages", capacity: 2, whenFull: "reject" })), [
      { on: "publish", do: "fail", nth: 2, times: 1 },
    ]);
    const gate = Promise.withResolvers<void>();
    const { gateway: door } = await running({ queue, handler: () => gate.promise });
    const id = messageIdOf("test", "messages", "k");
    expect(await post(door, "/ingest", BODY, KEY)).toMatchObject({ status: 202, body: { messageId: id } });
    expect(await post(door, "/ingest", { ...BODY, data: "other" }, KEY)).toMatchObject({ status: 409, body: { messageId: id } });
    const down = await post(door, "/ingest", BODY);
    expect(down).toMatchObject({
      status: 503,
      retryAfter: "1",
      type: expect.stringContaining("application/problem+json"),
      body: { outcome: "not-applied" },
    });
    expect((await post(door, "/ingest", { ...BODY, id: down.body.messageId })).body.messageId).toBe(down.body.messageId);
    expect(await post(door, "/ingest", BODY)).toMatchObject({ status: 429, retryAfter: "1", body: { code: "QUEUE_FULL" } });
    gate.resolve();
  });
});

describe("without ingest", () => {
  test("503 carries the id that ingest would have given, and says that nothing was sent", async () => {
    const services = await running();
    await services.ingest.close();
    const answer = await post(services.gateway, "/api/v1/ingest", BODY, KEY);
    expect(answer).toMatchObject({
      status: 503,
      retryAfter: "1",
      body: { code: "UNAVAILABLE", outcome: "not-applied", messageId: messageIdOf("test", "messages", "k") },
    });
    expect(answer.body.detail).toMatch(/ECONNREFUSED.*same Idempotency-Key/);
  });

  test("when it hangs: 503, and nobody knows", async () => {
    const hanging = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(hanging, "listening");
    const end = (): Promise<unknown> => new Promise((done) => hanging.close(done).closeAllConnections());
    ending({ close: end });
    const ingestUrl = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`;
    const door = ending(await gateway.start({ port: 0, ingestUrl, forwardTimeoutMs: 50 }));
    const answer = await post(door, "/ingest", BODY);
    expect(answer).toMatchObject({ status: 503, body: { outcome: "unknown", messageId: expect.any(String) } });
    expect(answer.body.detail).toMatch(/same id/);
  });
});

describe("the status", () => {
  test.each(["/api/v1/status", "/status"])("%s is that of all three", async (path) => {
    const { gateway: door } = await running();
    const answer = await door.app.inject(path);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      status: "up",
      services: { gateway: { status: "up" }, ingest: { status: "up", service: "ingest" }, processor: { status: "up", workers: 8 } },
    });
  });

  test("without processor it is degraded: messages are taken, and wait", async () => {
    const { gateway: door, processor } = await running();
    await processor.close();
    const answer = await door.app.inject("/api/v1/status");
    expect([answer.statusCode, answer.json()]).toMatchObject([
      200,
      {
        status: "degraded",
        services: { ingest: { status: "up" }, processor: { status: "down", reason: expect.stringContaining("ECONNREFUSED") } },
      },
    ]);
    expect((await door.app.inject("/ready")).statusCode).toBe(200);
    expect((await post(door, "/ingest", BODY)).status).toBe(202);
  });

  test("without ingest it is down, and the gateway is alive and not ready", async () => {
    const { gateway: door, ingest } = await running();
    await ingest.close();
    const answer = await door.app.inject("/api/v1/status");
    expect([answer.statusCode, answer.json()]).toMatchObject([503, { status: "down", services: { ingest: { status: "down" } } }]);
    expect([(await door.app.inject("/health")).statusCode, (await door.app.inject("/ready")).statusCode]).toEqual([200, 503]);
  });

  test("shows a broker that is down in the services that use it", async () => {
    const down = { status: "down", reason: "the broker does not answer" } as const;
    let isDown = false;
    const driver = memoryDriver({});
    const health = async (): Promise<QueueHealth> => (isDown ? down : { status: "up" });
    const services = await running({ queue: ending(createQueue({ ...driver, health }, { topic: "messages" })) });
    isDown = true;
    expect((await services.gateway.app.inject("/api/v1/status")).json()).toMatchObject({
      status: "down",
      services: { gateway: { status: "up" }, ingest: down, processor: down },
    });
    expect((await services.ingest.app.inject("/ready")).json()).toMatchObject({ status: 503, detail: down.reason });
    expect((await services.ingest.app.inject("/health")).statusCode).toBe(200);
  });
});

describe("numbers", () => {
  test("/stats has those of the services behind", async () => {
    const bell = new Bell();
    const { gateway: door } = await running({ handler: () => bell.ring("x") });
    await post(door, "/ingest", BODY);
    await bell.times(1);
    expect((await door.app.inject("/stats")).json()).toMatchObject({
      services: { ingest: { queue: { published: 1 } }, processor: { handled: expect.any(Number), queue: { consumed: 1 } } },
    });
  });

  test("every metric of every service is declared, written, and rises", async () => {
    const gate = Promise.withResolvers<void>();
    const bell = new Bell();
    const services = await running({
      handler: async (message) => {
        bell.ring(message.id);
        if (message.text() === "held") await gate.promise;
      },
    });
    const all = [services.gateway, services.ingest, services.processor];
    const before = await Promise.all(all.map(metricsOf));
    await post(services.gateway, "/api/v1/ingest", BODY, KEY);
    await post(services.processor, "/enqueue", BODY, { "idempotency-key": "other" });
    await bell.times(2);
    await post(services.gateway, "/api/v1/ingest", { ...BODY, data: "held" });
    await bell.times(3);
    const after = await Promise.all(all.map(metricsOf));
    const risen = after.map((metrics, at) =>
      [...metrics].filter(([name, value]) => value > (before[at]?.get(name) ?? 0)).map(([name]) => name),
    );
    expect(risen).toEqual(after.map((metrics) => [...metrics.keys()]));
    expect(after.map((metrics) => [...metrics.keys()].toSorted())).toEqual([
      ["forwards_total", "http_request_seconds", "http_requests_total"],
      [...INTAKE, "queue_events_total"].toSorted(),
      [...INTAKE, "handled_total", "handling_seconds", "queue_events_total", "workers_running"].toSorted(),
    ]);
    gate.resolve();
  });

  const INTAKE = [
    "http_request_seconds",
    "http_requests_total",
    "idempotency_keys",
    "message_bytes_total",
    "messages_total",
    "publish_seconds",
  ];
});
