import { getEventListeners } from "node:events";
import { createQueue, type DriverDelivery, memoryDedupe, type QueueDriver } from "@omni/core/queue";
import { memoryDriver, memoryQueue } from "@omni/queue-memory";
import { ManualClock, turn } from "./manual-clock.ts";

/** A driver that delivers what a test gives it, and notes how it was settled. */
function handing(deliveries: readonly Partial<DriverDelivery>[]): { readonly driver: QueueDriver; readonly settled: string[] } {
  const settled: string[] = [];
  const rest = [...deliveries];
  let end = (): void => undefined;
  const ended = new Promise<undefined>((resolve) => {
    end = () => resolve(undefined);
  });
  const next = async (): Promise<DriverDelivery | undefined> => {
    const given = rest.shift();
    if (!given) return ended;
    const settle = (what: string) => (): void => void settled.push(what);
    const message = { headers: { "omni-id": "1" }, body: new Uint8Array() };
    const nack = (delayMs: number): void => void settled.push(`nack ${delayMs}`);
    return { message, attempt: 1, ack: settle("ack"), nack, term: settle("term"), extend: settle("extend"), ...given };
  };
  const stop = async (): Promise<void> => end();
  const memory = memoryDriver();
  return { driver: { ...memory, name: "handing", subscribe: async () => ({ next, stop, close: stop }) }, settled };
}

describe("a consumer", () => {
  test("does not run the handler for a message that went to another meanwhile", async () => {
    const { driver, settled } = handing([{ owned: () => false }, {}]);
    let calls = 0;
    await using queue = createQueue(driver, { topic: "t" });
    await queue.consume(() => void calls++);
    await turn();
    expect([calls, settled]).toEqual([1, ["ack"]]);
  });

  test("buries what seems to kill its process, without running its handler", async () => {
    const { driver, settled } = handing([{ attempt: 21 }, { attempt: 20 }]);
    let calls = 0;
    await using queue = createQueue(driver, { topic: "t" });
    await queue.consume(() => void calls++, { maxDeliveries: 5 });
    await turn();
    expect([calls, settled]).toEqual([1, ["term", "ack"]]);
    expect((await queue.stats()).deadLettered).toBe(1);
  });

  test("keeps a message on its topic while the dead letter topic refuses it", async () => {
    const memory = memoryDriver();
    let broken = true;
    const driver: QueueDriver = {
      ...memory,
      publish: async (topic, batch, options) =>
        topic.endsWith(".dlq") && broken
          ? batch.map(() => ({ state: "unknown", error: new Error("?") }))
          : memory.publish(topic, batch, options),
    };
    await using queue = createQueue(driver, { topic: "t" });
    const errors: unknown[] = [];
    const handler = (): never => {
      throw new Error("no");
    };
    await queue.consume(handler, { maxDeliveries: 1, backoff: [20], onError: (error) => errors.push(error) });
    await queue.publish({ data: "x" });
    while (errors.length < 4) await turn();
    expect((await queue.stats()).deadLettered).toBe(0);
    broken = false;
    for await (const { message } of queue.subscribe("t.dlq")) {
      expect(message.text()).toBe("x");
      break;
    }
    while ((await queue.stats()).deadLettered === 0) await turn();
  });

  test("of a dead letter topic tries for ever instead of losing", async () => {
    await using queue = memoryQueue({ topic: "t.dlq" });
    let attempts = 0;
    await queue.consume(
      (_, context) => {
        attempts = context.attempt;
        if (attempts < 20) throw new Error("no");
      },
      { backoff: [0] },
    );
    await queue.publish({ data: "x" });
    while (attempts < 20) await turn();
    expect(await queue.stats()).toMatchObject({ deadLettered: 0, dropped: 0 });
  });

  test("extends what it holds, running or waiting, at a third of the deadline", async () => {
    const clock = new ManualClock();
    const { driver, settled } = handing([{}, {}]);
    const queue = createQueue({ ...driver, features: { ...driver.features, ackDeadlineMs: 3_000 } }, { topic: "t", clock });
    let go = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    await queue.consume(() => gone);
    await clock.pass(2_500);
    expect(settled).toEqual(["extend", "extend", "extend", "extend"]);
    go();
    await turn();
    await queue.close();
    expect(clock.pending).toBe(0);
  });

  test("that cannot subscribe rejects with the broker's error when awaited, and through done", async () => {
    const refused = new Error("no such stream");
    const driver: QueueDriver = {
      ...memoryDriver(),
      name: "refusing",
      subscribe: () => Promise.reject(refused),
      classifyError: () => "NOT_FOUND",
    };
    await using queue = createQueue(driver, { topic: "t" });
    const expected = { code: "NOT_FOUND", backend: "refusing", operation: "subscribe", topic: "t", cause: refused };
    await expect(queue.consume(() => undefined)).rejects.toMatchObject(expected);
    await expect(queue.consume(() => undefined).done).rejects.toMatchObject(expected);
    await expect(queue.subscribe().next()).rejects.toMatchObject(expected);
  });

  test("that gets no answer gives up with TIMEOUT, and closes what comes too late", async () => {
    const clock = new ManualClock();
    const memory = memoryDriver();
    let closed = 0;
    let join = (): void => undefined;
    const driver: QueueDriver = {
      ...memory,
      subscribe: async (topic, options) => {
        await new Promise<void>((resolve) => {
          join = resolve;
        });
        const subscription = await memory.subscribe(topic, options);
        return { next: () => subscription.next(), stop: () => subscription.stop(), close: async () => void closed++ };
      },
    };
    const queue = createQueue(driver, { topic: "t", clock });
    const subscription = queue.subscribe({ timeoutMs: 1_000 });
    const ready = expect(subscription.ready()).rejects.toMatchObject({ code: "TIMEOUT" });
    await clock.pass(1_000);
    await ready;
    join();
    await turn();
    expect(closed).toBe(1);
    await queue.close();
  });

  test("whose subscription breaks off tells it through done and onError", async () => {
    const broken = new Error("consumer deleted");
    const { driver } = handing([]);
    const next = (): Promise<never> => Promise.reject(broken);
    const breaking: QueueDriver = {
      ...driver,
      subscribe: async () => ({ next, stop: async () => undefined, close: async () => undefined }),
    };
    await using queue = createQueue(breaking, { topic: "t" });
    const errors: unknown[] = [];
    const consumer = await queue.consume(() => undefined, { onError: (error) => errors.push(error) });
    await expect(consumer.done).rejects.toMatchObject({ cause: broken });
    expect(errors).toHaveLength(1);
  });

  test("merging copies of two brokers handles each id once, and acknowledges the copy after the first is done", async () => {
    const dedupe = memoryDedupe();
    const order: string[] = [];
    let go = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const queues = [memoryQueue({ topic: "t" }), memoryQueue({ topic: "t" })];
    const handler = async (): Promise<void> => {
      order.push("handled");
      await gone;
    };
    for (const queue of queues) await queue.consume(handler, { dedupe });
    for (const queue of queues) await queue.publish({ id: "1", data: "x" });
    await turn();
    const acked = async (): Promise<number[]> => Promise.all(queues.map(async (queue) => (await queue.stats()).acked));
    expect([order, await acked()]).toEqual([["handled"], [0, 0]]);
    go();
    while ((await acked()).includes(0)) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(order).toEqual(["handled"]);
    const suppressed = await Promise.all(queues.map(async (queue) => (await queue.stats()).suppressed));
    expect(suppressed.sort()).toEqual([0, 1]);
    for (const queue of queues) await queue.close();
  });
});

describe("an abort signal of the application", () => {
  test("that has aborted already ends a subscription and a consumer at once", async () => {
    await using queue = memoryQueue({ topic: "t" });
    const signal = AbortSignal.abort();
    expect(await queue.subscribe({ signal }).next()).toEqual({ done: true, value: undefined });
    await queue.consume(() => undefined, { signal }).done;
  });

  test("has no listener left when they are closed", async () => {
    await using queue = memoryQueue({ topic: "t" });
    const { signal } = new AbortController();
    const subscription = queue.subscribe({ signal });
    const consumer = await queue.consume(() => undefined, { signal });
    await queue.publish({ data: "x" }, { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(2);
    await subscription.close();
    await consumer.close();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("stats", () => {
  test("leave out what the broker does not know, instead of -1 or 0", async () => {
    const memory = memoryDriver();
    await using silent = createQueue({ ...memory, stats: async () => ({ pending: undefined }) }, { topic: "t" });
    expect("pending" in (await silent.stats())).toBe(false);
    await using failing = createQueue({ ...memory, stats: () => Promise.reject(new Error("down")) }, { topic: "t" });
    expect(await failing.stats()).toMatchObject({ published: 0 });
    expect("pending" in (await failing.stats())).toBe(false);
  });
});
