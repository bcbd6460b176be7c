import { MultiError, OmniError } from "@omni/core";
import {
  createQueue,
  type DriverSubscribeOptions,
  fromDeadLetter,
  isPublishFailure,
  type MessageInput,
  memoryDedupe,
  type QueueProvider,
} from "@omni/core/queue";
import { faultyQueue } from "@omni/core/testing";
import { compositeQueue } from "@omni/queue-composite";
import { memoryDriver, memoryQueue } from "@omni/queue-memory";
import { StepClock } from "@omni/virtual-time";
import { puppetQueue } from "./puppet-queue.ts";
import { turns } from "./turns.ts";

const topic = "t";

/** Resolves when the predicate holds, asked whenever something was handled. */
class Handled {
  readonly ids: string[] = [];
  #wake: (() => void) | undefined;

  readonly add = (message: { readonly id: string }): void => {
    this.ids.push(message.id);
    this.#wake?.();
  };

  async until(count: number): Promise<void> {
    while (this.ids.length < count) await this.next();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Publishes under one id until all members hold the message; where one is full, waits for something to be handled. */
async function insist(queue: QueueProvider, message: MessageInput, handled: Handled): Promise<number> {
  for (let tries = 1; ; tries++) {
    const more = handled.next();
    try {
      await queue.publish(message);
      return tries;
    } catch (error) {
      if (!isPublishFailure(error) || !MultiError.is(error) || !error.some("QUEUE_FULL")) throw error;
      await Promise.race([more, turns(1)]);
    }
  }
}

test("1,000 messages through two queues of ten, both read: each is handled once", async () => {
  const queue = compositeQueue([memoryQueue({ capacity: 10 }), memoryQueue({ capacity: 10 })], { topic, subscribe: "all" });
  const handled = new Handled();
  await queue.consume(async (message) => {
    await turns(1);
    handled.add(message);
  });
  let tries = 0;
  for (let i = 0; i < 1_000; i++) tries += await insist(queue, { id: `${i}`, data: "x" }, handled);
  await handled.until(1_000);
  while ((await queue.stats()).total?.pending !== 0) await turns(1);
  expect(new Set(handled.ids).size).toBe(1_000);
  expect(handled.ids).toHaveLength(1_000);
  // The publisher was faster than the consumer: some publishes were refused, and retried under their ids.
  expect(tries).toBeGreaterThan(1_000);
  await queue.close();
});

test("a copy is acknowledged only after the first is done, and counts no attempt", async () => {
  const [a, b] = [memoryQueue(), memoryQueue()];
  const queue = compositeQueue([a, b], { topic, subscribe: "all" });
  const subscription = queue.subscribe();
  await subscription.ready();
  await queue.publish({ data: "x" });
  const pending = async (): Promise<unknown[]> => {
    const { byMember } = await queue.stats();
    return ["memory-1", "memory-2"].map((name) => byMember?.[name]?.pending);
  };
  for (const attempt of [1, 2, 3]) {
    const { value: delivery } = await subscription.next();
    expect(delivery?.attempt).toBe(attempt);
    await turns();
    expect(await pending()).toEqual([1, 1]);
    if (attempt < 3) await delivery?.nack();
    else await delivery?.ack();
  }
  expect(await pending()).toEqual([0, 0]);
  expect((await queue.stats()).suppressed).toBe(1);
  await queue.close();
});

test("a message that fails everywhere is one dead letter, and can be published again under its id", async () => {
  const queue = compositeQueue([memoryQueue(), memoryQueue()], { topic, subscribe: "all" });
  const handled = new Handled();
  let broken = true;
  await queue.consume(
    (message) => {
      if (broken) throw new Error("no");
      handled.add(message);
    },
    { maxDeliveries: 3, backoff: [1] },
  );
  await queue.publish({ id: "one", data: "x" });
  const letters = queue.subscribe("t.dlq");
  const { value: letter } = await letters.next();
  await letter?.ack();
  await turns();
  expect(await queue.stats()).toMatchObject({ failed: 3, deadLettered: 1 });
  broken = false;
  if (letter) await queue.publish(fromDeadLetter(letter.message));
  await handled.until(1);
  await turns();
  expect(handled.ids).toEqual(["one"]);
  await queue.close();
});

/** A queue in memory whose subscriptions can be made to fail. */
function fragileQueue(): { readonly queue: QueueProvider; fail(error: Error): void } {
  const driver = memoryDriver();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const subscribe: typeof driver.subscribe = async (name, options) => {
    const source = await driver.subscribe(name, options);
    const next = (): ReturnType<typeof source.next> => Promise.race([source.next(), broken.promise]);
    return { next, stop: () => source.stop(), close: () => source.close() };
  };
  return { queue: createQueue({ ...driver, subscribe }), fail: broken.reject };
}

test("a copy takes over when the member of the first has gone", async () => {
  const members = [fragileQueue(), fragileQueue()];
  const queue = compositeQueue(
    members.map((member) => member.queue),
    { topic, subscribe: "all" },
  );
  const subscription = queue.subscribe();
  await subscription.ready();
  await queue.publish({ data: "x" });
  const { value: first } = await subscription.next();
  await turns();
  const second = subscription.next();
  const { byMember } = await queue.stats();
  members[byMember?.["memory-1"]?.consumed === 1 ? 0 : 1]?.fail(new OmniError("UNAVAILABLE", { reason: "the topic was deleted" }));
  const { value: copy } = await second;
  expect([copy?.message.id, copy?.attempt]).toEqual([first?.message.id, 2]);
  await copy?.ack();
  await queue.close();
});

test("when the first is down the next is read; with none left the error is the first one's", async () => {
  const down = puppetQueue(
    "down",
    "rejected",
    {},
    {
      subscribe: () => Promise.reject(new OmniError("UNAVAILABLE", { reason: "no broker" })),
    },
  );
  const queue = compositeQueue([down.queue, memoryQueue()], { topic, strategy: "best-effort" });
  const handled = new Handled();
  await queue.consume(handled.add);
  await queue.publish({ id: "1" });
  await handled.until(1);
  await queue.close();
  const alone = compositeQueue([puppetQueue("x", "acked", {}, { subscribe: down.queue.driver.subscribe }).queue], { topic });
  await expect(alone.subscribe().ready()).rejects.toMatchObject({ code: "UNAVAILABLE", backend: "x" });
});

test("a first member that stays disconnected gets a stand-in, a short interruption does not", async () => {
  const clock = new StepClock();
  const driver = memoryDriver();
  let tell: DriverSubscribeOptions["onEvent"];
  const subscribe: typeof driver.subscribe = (name, options) => {
    tell = options.onEvent;
    return driver.subscribe(name, options);
  };
  const second = memoryQueue();
  const queue = compositeQueue([createQueue({ ...driver, subscribe }), second], {
    topic,
    strategy: "best-effort",
    clock,
    fallbackAfterMs: 1_000,
  });
  const handled = new Handled();
  await queue.consume(handled.add);
  tell?.({ type: "disconnected" });
  clock.pass(999);
  tell?.({ type: "reconnected" });
  clock.pass(5_000);
  await second.publish({ topic, id: "only there" });
  await turns();
  expect(handled.ids).toEqual([]);
  tell?.({ type: "disconnected" });
  clock.pass(1_000);
  await handled.until(1);
  expect(handled.ids).toEqual(["only there"]);
  await queue.publish({ id: "both" });
  await handled.until(2);
  await turns();
  expect(handled.ids).toEqual(["only there", "both"]);
  await queue.close();
});

test("consumers of one process share what is handled, and every copy of a faulty member is suppressed", async () => {
  const doubling = faultyQueue(memoryQueue(), [{ on: "publish", do: "duplicate" }]);
  const queue = compositeQueue([doubling, memoryQueue()], { topic, subscribe: "all" });
  const handled = new Handled();
  for (let i = 0; i < 2; i++) await queue.consume(handled.add, { dedupe: memoryDedupe() });
  for (let i = 0; i < 50; i++) await queue.publish({ id: `${i}` });
  await handled.until(50);
  while ((await queue.stats()).total?.pending !== 0) await turns(1);
  expect(handled.ids).toHaveLength(50);
  expect((await queue.stats()).suppressed).toBe(100);
  await queue.close();
});

test("a queue that only publishes refuses to be read", async () => {
  const queue = compositeQueue([memoryQueue(), memoryQueue()], { topic, strategy: "failover", subscribe: false });
  await expect(queue.subscribe().ready()).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  await queue.close();
});

test("messages of foreign producers are never taken for copies of each other", async () => {
  const drivers = [memoryDriver(), memoryDriver()];
  const queue = compositeQueue(
    drivers.map((driver) => createQueue(driver)),
    { topic, subscribe: "all" },
  );
  const handled = new Handled();
  await queue.consume(handled.add);
  const foreign = { id: "", key: undefined, timestamp: 0, headers: {}, body: Buffer.from("x") };
  for (const driver of drivers) await driver.publish(topic, [foreign], {});
  await handled.until(2);
  await queue.close();
});
