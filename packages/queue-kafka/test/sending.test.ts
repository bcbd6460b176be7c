import type { OmniError } from "@omni/core";
import { createQueue, type PublishResult } from "@omni/core/queue";
import { driverOver } from "../src/driver.ts";
import { checkKafkaOptions } from "../src/options.ts";
import { FakeClient } from "./fake-client.ts";

function setUp() {
  const client = new FakeClient();
  const queue = createQueue(driverOver(client, checkKafkaOptions({ brokers: "b:1" })), { topic: "t" });
  const publish = (data: string, signal?: AbortSignal): Promise<PublishResult> =>
    queue.publish({ data }, { signal, timeoutMs: 20_000 });
  return { client, queue, publish };
}

const closedConnection = Object.assign(new Error("Closed connection"), { name: "KafkaJSConnectionClosedError" });
const refused = (type: string): Error => Object.assign(new Error(type), { name: "KafkaJSProtocolError", type });
const codeOf = (publish: Promise<unknown>): Promise<string> =>
  publish.then(
    () => "acked",
    (error: OmniError) => error.outcome ?? error.code ?? String(error),
  );

test("what comes while a batch is under way is the next batch, in order", async () => {
  const { client, queue, publish } = setUp();
  const all = Promise.all(["1", "2", "3"].map((data) => publish(data)));
  const first = await client.nth(0);
  first.leave();
  first.ack(7);
  (await client.nth(1)).ack(8);
  expect((await all).map(({ position }) => position?.sequence)).toEqual(["7", "8", "9"]);
  expect(client.tries.map(({ texts }) => texts)).toEqual([["1"], ["2", "3"]]);
  await queue.close();
});

test("who does not wait for room is refused at once when enough wait, and others wait on", async () => {
  const client = new FakeClient();
  const queue = createQueue(driverOver(client, checkKafkaOptions({ brokers: "b:1", maxWaiting: 2 })), { topic: "t" });
  const { driver } = queue;
  const wire = (data: string) => ({ id: data, key: undefined, timestamp: 0, headers: {}, body: Buffer.from(data) });
  const quickly = (...texts: readonly string[]) => driver.publish("t", texts.map(wire), { waitForRoom: false });
  // More than may wait, and nothing does.
  const under = quickly("1", "2", "3");
  const first = await client.nth(0);
  expect(first.texts).toEqual(["1", "2", "3"]);
  const waiting = quickly("4", "5");
  const patient = driver.publish("t", [wire("6")], {});
  const refused = await quickly("7", "8");
  expect(refused.map(({ state }) => state)).toEqual(["rejected", "rejected"]);
  const error = refused[0]?.error as OmniError;
  expect([error.code, error.outcome, error.retryable]).toEqual(["QUEUE_FULL", "not-applied", true]);
  expect(error.message).toMatch(/3 messages wait .* at most 2 may.*raise `maxWaiting`/);
  first.ack(0);
  const second = await client.nth(1);
  expect(second.texts).toEqual(["4", "5", "6"]);
  const room = quickly("9");
  second.ack(3);
  (await client.nth(2)).ack(6);
  const all = await Promise.all([under, waiting, patient, room]);
  expect(all.flat().map(({ state }) => state)).toEqual(new Array(7).fill("acked"));
  await queue.close();
});

test("what is given up before its topic is known leaves its room", async () => {
  const client = new FakeClient();
  const queue = createQueue(driverOver(client, checkKafkaOptions({ brokers: "b:1", maxWaiting: 1 })), { topic: "t" });
  const { driver } = queue;
  const wire = (data: string) => ({ id: data, key: undefined, timestamp: 0, headers: {}, body: Buffer.from(data) });
  const given = new AbortController();
  const gone = driver.publish("t", [wire("1")], { signal: given.signal, waitForRoom: false });
  expect((await driver.publish("t", [wire("2")], { waitForRoom: false }))[0]?.state).toBe("rejected");
  given.abort(new Error("enough"));
  expect((await gone)[0]?.state).toBe("rejected");
  const next = driver.publish("t", [wire("3")], {});
  (await client.nth(0)).ack(0);
  expect((await next)[0]?.state).toBe("acked");
  const after = driver.publish("t", [wire("4")], { waitForRoom: false });
  (await client.nth(1)).ack(1);
  expect((await after)[0]?.state).toBe("acked");
  await queue.close();
});

test("while the fate of a try is open the same records are sent again over the same producer", async () => {
  const { client, queue, publish } = setUp();
  const sent = publish("a");
  const first = await client.nth(0);
  const later = publish("b");
  first.leave();
  first.fail(closedConnection);
  const second = await client.nth(1);
  expect([second.texts, second.producer]).toEqual([["a"], first.producer]);
  second.leave();
  second.ack(0);
  (await client.nth(2)).ack(1);
  expect([(await sent).state, (await later).state]).toEqual(["acked", "acked"]);
  await queue.close();
});

test("who gives up before anything left is told rejected, and is not sent with the others", async () => {
  const { client, queue } = setUp();
  const driver = queue.driver;
  const [one, two] = [new AbortController(), new AbortController()];
  const wire = (data: string) => ({ id: data, key: undefined, timestamp: 0, headers: {}, body: Buffer.from(data) });
  const blocking = driver.publish("t", [wire("first")], {});
  const first = await client.nth(0);
  const a = driver.publish("t", [wire("a")], { signal: one.signal });
  const b = driver.publish("t", [wire("b")], { signal: two.signal });
  first.ack(0);
  await blocking;
  const both = await client.nth(1);
  expect(both.texts).toEqual(["a", "b"]);
  // It never got as far as the wire: that is known.
  both.fail(closedConnection);
  await new Promise((resolve) => setImmediate(resolve));
  one.abort(new Error("enough"));
  expect((await a)[0]?.state).toBe("rejected");
  const again = await client.nth(2);
  expect(again.texts).toEqual(["b"]);
  again.ack(1);
  expect((await b)[0]?.state).toBe("acked");
  await queue.close();
});

test("when everybody gave up before anything left, the next messages go", async () => {
  const { client, queue, publish } = setUp();
  const controller = new AbortController();
  const given = publish("a", controller.signal).catch((error) => error);
  (await client.nth(0)).fail(closedConnection);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error("enough"));
  expect((await given).message).toBe("enough");
  const sent = publish("b");
  const second = await client.nth(1);
  expect(second.texts).toEqual(["b"]);
  second.ack(0);
  expect((await sent).state).toBe("acked");
  await queue.close();
});

test("who gives up after it left is told unknown, and the producer is never used again", async () => {
  const { client, queue } = setUp();
  const controller = new AbortController();
  const wire = (data: string) => ({ id: data, key: undefined, timestamp: 0, headers: {}, body: Buffer.from(data) });
  const gone = queue.driver.publish("t", [wire("a")], { signal: controller.signal });
  const first = await client.nth(0);
  first.leave();
  controller.abort(new Error("enough"));
  expect((await gone)[0]?.state).toBe("unknown");
  const next = queue.driver.publish("t", [wire("b")], {});
  const second = await client.nth(1);
  expect([second.texts, second.producer]).toEqual([["b"], first.producer + 1]);
  second.ack(0);
  expect((await next)[0]?.state).toBe("acked");
  expect(client.disconnected).toContain(first.producer);
  // What nobody waits for any more does not leave after all.
  expect(() => first.leave()).toThrow("");
  await queue.close();
});

test("what the broker refuses is rejected; of many it is looked for in halves", async () => {
  const { client, queue } = setUp();
  const wire = (data: string) => ({ id: data, key: undefined, timestamp: 0, headers: {}, body: Buffer.from(data) });
  const all = queue.driver.publish("t", ["a", "b", "c"].map(wire), {});
  const outcomes: [number, (index: number) => Promise<void>] = [
    4,
    async (index) => {
      const one = await client.nth(index);
      one.leave();
      if (one.texts.includes("b")) one.fail(refused("MESSAGE_TOO_LARGE"));
      else one.ack(index);
    },
  ];
  for (let index = 0; index <= outcomes[0]; index++) await outcomes[1](index);
  expect((await all).map(({ state }) => state)).toEqual(["acked", "rejected", "acked"]);
  expect(client.tries.map(({ texts }) => texts.join(""))).toEqual(["abc", "ab", "a", "b", "c"]);
  await queue.close();
});

test("a refusal after a try that is open is no proof: unknown", async () => {
  const { client, queue, publish } = setUp();
  const word = codeOf(publish("a"));
  const first = await client.nth(0);
  first.leave();
  first.fail(closedConnection);
  const second = await client.nth(1);
  second.leave();
  second.fail(refused("TOPIC_AUTHORIZATION_FAILED"));
  expect(await word).toBe("unknown");
  await queue.close();
});

test("after an out-of-order sequence another producer sends the same records", async () => {
  const { client, queue, publish } = setUp();
  const sent = publish("a");
  const first = await client.nth(0);
  first.leave();
  first.fail(refused("OUT_OF_ORDER_SEQUENCE_NUMBER"));
  const second = await client.nth(1);
  expect([second.texts, second.producer]).toEqual([["a"], first.producer + 1]);
  second.ack(3);
  expect((await sent).state).toBe("acked");
  await queue.close();
});
