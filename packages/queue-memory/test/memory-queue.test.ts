import { createQueue, encodeMessage } from "@omni/core/queue";
import { memoryDriver, memoryQueue, queueFromEnv } from "@omni/queue-memory";
import { classifyError } from "../src/errors.ts";

async function texts(messages: AsyncIterable<{ text(): string }>): Promise<string[]> {
  const found: string[] = [];
  for await (const message of messages) found.push(message.text());
  return found;
}

describe("options", () => {
  test.each([
    [{ capacity: 0 }, /capacity is 0, it has to be a whole number from 1/],
    [{ capacity: 1.5 }, /capacity is 1.5/],
    [{ history: -1 }, /history is -1/],
    [{ whenFull: "drop" as "wait" }, /whenFull is "drop", it has to be "wait" or "reject"/],
    [{ ackDeadlineMs: 0 }, /ackDeadlineMs is 0/],
    [{ dedupeWindowMs: Number.NaN }, /dedupeWindowMs is NaN/],
    [{ topic: "" }, /topic is ""/],
    [{ capcity: 10 } as object, /memoryQueue has no option "capcity": did you mean capacity\?/],
    [{ publishTimeoutMs: 0 }, /publishTimeoutMs is 0/],
  ])("%j is refused", (options, message) => {
    expect(() => memoryQueue(options)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) }),
    );
  });

  test("errors are OmniErrors already", () => expect(classifyError(new Error("x"))).toBeUndefined());

  test("QUEUE_SIZE is the capacity", () => {
    expect(queueFromEnv({}).features.capacity).toBe(1000);
    expect(queueFromEnv({ QUEUE_SIZE: "10" }).features.capacity).toBe(10);
  });

  test("QUEUE_WHEN_FULL is what a full topic does", async () => {
    const queue = queueFromEnv({ QUEUE_SIZE: "1", QUEUE_WHEN_FULL: "reject" }, { topic: "t" });
    await queue.publish({ data: "1" });
    await expect(queue.publish({ data: "2" })).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect(() => queueFromEnv({ QUEUE_WHEN_FULL: "drop" })).toThrow('QUEUE_WHEN_FULL is "drop", it has to be wait or reject');
  });
});

describe("a full topic", () => {
  test("rejects with whenFull reject: what fits of a list is taken, the rest carries QUEUE_FULL", async () => {
    const queue = memoryQueue({ topic: "t", capacity: 2, whenFull: "reject" });
    const error = await queue.publish(["1", "2", "3"].map((data) => ({ data }))).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "PARTIAL_FAILURE",
      results: [{ state: "acked" }, { state: "acked" }, { state: "rejected" }],
    });
    await expect(queue.publish({ data: "4" })).rejects.toMatchObject({
      code: "QUEUE_FULL",
      outcome: "not-applied",
      message: expect.stringMatching(/nobody has subscribed.*add a consumer, raise `capacity`/),
    });
    await queue.close();
  });

  test("waits with whenFull wait, until there is room, first come, first served", async () => {
    const queue = memoryQueue({ topic: "t", capacity: 2 });
    const subscription = queue.subscribe();
    await subscription.ready();
    const order: string[] = [];
    const published = ["1", "2", "3", "4", "5"].map((data) => queue.publish({ data }).then(() => order.push(data)));
    const received: string[] = [];
    for await (const delivery of subscription) {
      received.push(delivery.message.text());
      await delivery.ack();
      if (received.length === 5) break;
    }
    await Promise.all(published);
    expect([order, received]).toEqual([
      ["1", "2", "3", "4", "5"],
      ["1", "2", "3", "4", "5"],
    ]);
    await queue.close();
  });

  test("a publish that is given up makes way, and was not applied", async () => {
    const queue = memoryQueue({ topic: "t", capacity: 1, whenFull: "wait" });
    await queue.publish({ data: "1" });
    const long = queue.publish({ data: "3" });
    await expect(queue.publish({ data: "2" }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: "QUEUE_FULL",
      outcome: "not-applied",
    });
    const subscription = queue.subscribe();
    const received: string[] = [];
    for await (const delivery of subscription) {
      received.push(delivery.message.text());
      await delivery.ack();
      if (received.length === 2) break;
    }
    await long;
    expect(received).toEqual(["1", "3"]);
    await queue.close();
  });

  test("counts against the slowest group, also one whose consumers are gone, until it is deleted", async () => {
    const queue = memoryQueue({ topic: "t", capacity: 2, whenFull: "reject" });
    await queue.subscribe({ group: "gone" }).close();
    await queue.consume(() => undefined, { group: "works" });
    await queue.publish([{ data: "1" }, { data: "2" }]);
    await expect(queue.publish({ data: "3" })).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect(await queue.stats({ group: "gone" })).toMatchObject({ pending: 2 });
    queue.driver.deleteGroup("t", "gone");
    await queue.publish({ data: "3" });
    await queue.close();
  });
});

describe("history", () => {
  test("is what browse sees of what was settled", async () => {
    const queue = memoryQueue({ topic: "t", capacity: 2, history: 3 });
    await queue.consume(() => undefined);
    for (const data of ["1", "2", "3", "4", "5"]) await queue.publish({ data });
    expect(await texts(queue.browse())).toEqual(["3", "4", "5"]);
    await queue.close();
  });

  test("a browse goes on while the queue moves under it", async () => {
    const queue = memoryQueue({ topic: "t", capacity: 3, history: 3 });
    await queue.consume(() => undefined);
    for (const data of ["1", "2", "3"]) await queue.publish({ data });
    const seen: string[] = [];
    for await (const message of queue.browse()) {
      seen.push(message.text());
      if (seen.length === 1) for (const data of ["4", "5"]) await queue.publish({ data });
    }
    expect(seen).toEqual(["1", "3"]);
    await queue.close();
  });
});

test("close handles what was handed to a waiting consumer, whose handler had not begun", async () => {
  const queue = memoryQueue({ topic: "orders" });
  const handled: string[] = [];
  await queue.consume(async (message) => {
    await new Promise((turn) => setImmediate(turn));
    handled.push(message.text());
  });
  const { state } = await queue.publish({ data: "1 pizza" });
  await queue.close();
  expect({ state, handled }).toEqual({ state: "acked", handled: ["1 pizza"] });
});

test("two queue objects over one driver share its topics", async () => {
  const driver = memoryDriver();
  const [a, b] = [createQueue(driver, { topic: "t" }), createQueue(driver, { topic: "t" })];
  await a.publish({ data: "x" });
  for await (const delivery of b.subscribe()) {
    expect(delivery.message.text()).toBe("x");
    break;
  }
  await Promise.all([a.close(), b.close()]);
});

test("a message that always fails leaves timers their turn", async () => {
  const queue = memoryQueue({ topic: "t" });
  await queue.consume(
    () => {
      throw new Error("no");
    },
    { backoff: [0], maxDeliveries: Number.POSITIVE_INFINITY },
  );
  await queue.publish({ data: "x" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await queue.stats()).failed).toBeGreaterThan(1);
  await queue.close();
});

test("a message that is published while another comes again is not lost", async () => {
  const queue = memoryQueue({ topic: "t" });
  const subscription = queue.subscribe({ maxInFlight: 2 });
  await queue.publish({ id: "a" });
  const first = await subscription.next();
  const second = subscription.next();
  await new Promise(setImmediate);
  await first.value?.nack();
  await queue.publish({ id: "b" });
  const both = [await second, await subscription.next()];
  expect(both.map(({ value }) => value?.message.id)).toEqual(["a", "b"]);
  await queue.close();
});

test("a handler that publishes leaves others of its turn theirs", async () => {
  const queue = memoryQueue({ topic: "t" });
  let handled = 0;
  let handledBefore: number | undefined;
  const end = Promise.withResolvers<void>();
  await queue.consume(() => {
    handled += 1;
    if (handled === 1) queueMicrotask(() => (handledBefore = handled));
    if (handled === 1_000) end.resolve();
    else void queue.publish({ data: "again" });
  });
  await queue.publish({ data: "first" });
  await end.promise;
  expect(handledBefore).toBeLessThan(10);
  await queue.close();
});

test("a caller that cannot wait for room is refused at once, whatever `whenFull` says", async () => {
  const driver = memoryDriver({ capacity: 1 });
  const message = encodeMessage((await createQueue(driver, { topic: "other" }).publish({ data: "x" })).message);
  const [first] = await driver.publish("t", [message], { waitForRoom: false });
  const [second] = await driver.publish("t", [message], { waitForRoom: false });
  expect([first?.state, second?.state]).toEqual(["acked", "rejected"]);
  expect(String(second?.error)).toContain("add a consumer, or raise `capacity`");
});
