import { OmniError } from "@omni/core";
import { faultyQueue } from "@omni/core/testing";
import { memoryQueue } from "@omni/queue-memory";
import { v5 } from "uuid";
import { messageIdOf } from "../src/idempotency.ts";
import * as ingest from "../src/ingest.ts";
import type { QueueServiceOptions } from "../src/message-queue.ts";
import type { Service } from "../src/service.ts";
import { ending, post, recorder, until } from "./running.ts";

const BODY = { source: "test", data: "dual-write test" };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[57][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

async function started(options: QueueServiceOptions = {}): Promise<{ service: Service; queue: ReturnType<typeof memoryQueue> }> {
  const queue = ending(memoryQueue({ topic: "messages" }));
  return { queue, service: ending(await ingest.start({ port: 0, queue, ...options })) };
}

async function stored(
  queue: ReturnType<typeof memoryQueue>,
): Promise<readonly { id: string; text: string; source: string | undefined }[]> {
  const found = [];
  for await (const message of queue.browse()) found.push({ id: message.id, text: message.text(), source: message.source });
  return found;
}

describe("a message", () => {
  test.each(["/api/v1/ingest", "/ingest", "/enqueue"])("sent to %s is on the queue before it is accepted", async (path) => {
    const { service, queue } = await started();
    const { status, body } = await post(service, path, { ...BODY, metadata: { trace: "1" }, key: "k" });
    expect([status, body]).toEqual([202, { messageId: expect.stringMatching(UUID), status: "accepted" }]);
    expect(await stored(queue)).toEqual([{ id: body.messageId, text: BODY.data, source: "test" }]);
  });

  test("that is not text goes as JSON", async () => {
    const { service, queue } = await started();
    await post(service, "/ingest", { source: "test", data: { n: [1, null] } });
    expect((await stored(queue))[0]?.text).toBe('{"n":[1,null]}');
  });
});

describe("what is refused is a problem", () => {
  test.each<[string, number, unknown, Record<string, string>, string]>([
    ["no data", 400, { source: "test" }, {}, "must have required property 'data'"],
    ["no source", 400, { data: "x" }, {}, "must have required property 'source'"],
    ["a misspelt name", 400, { ...BODY, metdata: {} }, {}, "must NOT have additional properties: metdata"],
    ["data that is a number", 400, { source: "test", data: 5 }, {}, "body/data must be string,object,array"],
    ["metadata that is no text", 400, { ...BODY, metadata: { n: 5 } }, {}, "body/metadata/n must be string"],
    ["what is no JSON", 400, '{"source":', {}, "JSON"],
    ["a key and an id", 400, { ...BODY, id: "x" }, { "idempotency-key": "k" }, "not both"],
    ["a key of control characters", 400, BODY, { "idempotency-key": "a\tb" }, "headers/idempotency-key"],
    ["another kind of body", 415, "<a/>", { "content-type": "text/xml" }, "Unsupported Media Type"],
    ["a long body", 413, { source: "test", data: "x".repeat(2_000) }, {}, "Request body is too large"],
  ])("%s: %i", async (_, status, body, headers, detail) => {
    const { service, queue } = await started({ bodyLimitBytes: 1_000 });
    const answer = await post(service, "/api/v1/ingest", body, headers);
    expect(answer).toMatchObject({ status, type: expect.stringContaining("application/problem+json"), body: { status } });
    expect(answer.body.detail).toContain(detail);
    expect(await stored(queue)).toEqual([]);
  });

  test("a path that is not there: 404", async () => {
    const { service } = await started();
    expect(await post(service, "/api/v2/ingest?x=1", BODY)).toMatchObject({
      status: 404,
      body: { title: "Not Found", detail: "there is no POST /api/v2/ingest" },
    });
  });

  test("a full queue: 429, and when to come again; with room again the same message goes in", async () => {
    const queue = ending(memoryQueue({ topic: "messages", capacity: 1, whenFull: "reject" }));
    const { service } = await started({ queue });
    await post(service, "/ingest", BODY);
    const full = await post(service, "/ingest", BODY, { "idempotency-key": "k" });
    expect(full).toMatchObject({
      status: 429,
      retryAfter: "1",
      body: { code: "QUEUE_FULL", messageId: messageIdOf("test", "messages", "k") },
    });
    await queue.consume(() => undefined);
    const taken = await until(
      () => post(service, "/ingest", BODY, { "idempotency-key": "k" }),
      ({ status }) => status === 202,
    );
    expect(taken.body.messageId).toBe(full.body.messageId);
  });

  test("a queue in memory from the environment says at once that it is full", async () => {
    const service = ending(await ingest.start({ port: 0, env: { QUEUE_SIZE: "1", QUEUE_TYPE: "" } }));
    expect([(await post(service, "/ingest", BODY)).status, (await post(service, "/ingest", BODY)).status]).toEqual([202, 429]);
  });

  test("a message too large for the broker: 413", async () => {
    const queue = faultyQueue(ending(memoryQueue({ topic: "messages" })), [
      { on: "publish", do: "fail", error: new OmniError("TOO_LARGE", { outcome: "not-applied" }) },
    ]);
    const { service } = await started({ queue });
    expect(await post(service, "/ingest", BODY)).toMatchObject({ status: 413, body: { code: "TOO_LARGE" } });
  });
});

describe("a broker that does not take it", () => {
  test("503 carries the id, and says that nothing was stored; the same id goes through afterwards", async () => {
    const queue = faultyQueue(ending(memoryQueue({ topic: "messages" })), [{ on: "publish", do: "fail", times: 1 }]);
    const { lines, logger } = recorder();
    const service = ending(await ingest.start({ port: 0, queue, logger }));
    const failed = await post(service, "/ingest", BODY);
    expect(failed).toMatchObject({
      status: 503,
      retryAfter: "1",
      body: { code: "UNAVAILABLE", outcome: "not-applied", messageId: expect.stringMatching(UUID) },
    });
    expect(lines).toContainEqual(expect.objectContaining({ messageId: failed.body.messageId, msg: "a message was not accepted" }));
    const again = await post(service, "/ingest", { ...BODY, id: failed.body.messageId });
    expect([again.status, again.body.messageId]).toEqual([202, failed.body.messageId]);
  });

  test("503 says when nobody knows", async () => {
    const queue = faultyQueue(ending(memoryQueue({ topic: "messages" })), [{ on: "publish", do: "fail-after-commit", times: 1 }]);
    const { service } = await started({ queue });
    expect(await post(service, "/ingest", BODY)).toMatchObject({ status: 503, body: { code: "IN_DOUBT", outcome: "unknown" } });
  });

  test("503 while a broker hangs, after its time", async () => {
    const queue = faultyQueue(ending(memoryQueue({ topic: "messages" })), [{ on: "publish", do: "hang", times: 1 }]);
    const { service } = await started({ queue, publishTimeoutMs: 50 });
    expect(await post(service, "/ingest", BODY)).toMatchObject({ status: 503, body: { messageId: expect.stringMatching(UUID) } });
  });
});

describe("an Idempotency-Key", () => {
  const key = { "idempotency-key": "order-17" };

  test("is the message: one id, one message, however often it is sent", async () => {
    const { service, queue } = await started();
    const first = await post(service, "/ingest", BODY, key);
    const second = await post(service, "/ingest", { data: BODY.data, source: BODY.source }, key);
    expect([first.body.status, second.status, second.body.status]).toEqual(["accepted", 202, "duplicate"]);
    expect(second.body.messageId).toBe(first.body.messageId);
    expect(await stored(queue)).toHaveLength(1);
  });

  test("many requests at once are one message", async () => {
    const { service, queue } = await started();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(service, "/ingest", BODY, key)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.messageId}`)).size).toBe(1);
    expect(answers.filter(({ body }) => body.status === "accepted")).toHaveLength(1);
    expect(await stored(queue)).toHaveLength(1);
  });

  test.each([{ data: "other" }, { metadata: { a: "1" } }, { key: "other" }])("with other content (%j): 409", async (other) => {
    const { service, queue } = await started();
    await post(service, "/ingest", BODY, key);
    expect(await post(service, "/ingest", { ...BODY, ...other }, key)).toMatchObject({
      status: 409,
      body: { code: "ALREADY_EXISTS", outcome: "not-applied" },
    });
    expect(await stored(queue)).toHaveLength(1);
  });

  test("of another source is another message", async () => {
    const { service } = await started();
    const [one, two] = [await post(service, "/ingest", BODY, key), await post(service, "/ingest", { ...BODY, source: "b" }, key)];
    expect([two.status, one.body.messageId === two.body.messageId]).toEqual([202, false]);
  });

  test("whose window has passed may stand for other content", async () => {
    const { service } = await started({ idempotencyWindowMs: 0 });
    await post(service, "/ingest", BODY, key);
    expect((await post(service, "/ingest", { ...BODY, data: "other" }, key)).status).toBe(202);
  });

  test("after a failure is tried again under the same id, and still refuses other content", async () => {
    const queue = faultyQueue(ending(memoryQueue({ topic: "messages" })), [{ on: "publish", do: "fail", times: 1 }]);
    const { service } = await started({ queue });
    const failed = await post(service, "/ingest", BODY, key);
    expect((await post(service, "/ingest", { ...BODY, data: "other" }, key)).status).toBe(409);
    const again = await post(service, "/ingest", BODY, key);
    expect([failed.status, again.status, again.body.messageId]).toEqual([503, 202, failed.body.messageId]);
  });

  test("gives the UUIDv5 of source, topic and key", () => {
    expect(messageIdOf("s", "t", "k")).toBe(v5('["s","t","k"]', "6f0c8f0e-2f54-4b0e-9a8b-2f6a5f6f2d9d"));
    expect(messageIdOf("s", "t", "k")[14]).toBe("5");
    expect(messageIdOf("a,b", "c", "d")).not.toBe(messageIdOf("a", "b,c", "d"));
  });
});
