import { memoryQueue } from "@omni/queue-memory";
import * as processor from "../src/processor.ts";
import { Bell, ending, post, recorder, until } from "./running.ts";

const queueOf = () => ending(memoryQueue({ topic: "messages" }));

describe("the workers", () => {
  test("are as many as were asked for, and no more", async () => {
    const queue = queueOf();
    const bell = new Bell();
    const gate = Promise.withResolvers<void>();
    const handler = (message: { readonly id: string }): Promise<void> => {
      bell.ring(message.id);
      return gate.promise;
    };
    const service = ending(await processor.start({ port: 0, queue, concurrency: 3, handler }));
    await queue.publish(Array.from({ length: 9 }, (_, n) => ({ data: String(n) })));
    await bell.times(3);
    expect((await service.app.inject("/stats")).json()).toMatchObject({ workers: 3, running: 3, handled: 0 });
    gate.resolve();
    await bell.times(9);
    await until(
      async () => (await service.app.inject("/stats")).json() as { handled: number },
      ({ handled }) => handled === 9,
    );
  });

  test("try again what failed, and leave it to the dead letter topic with its error", async () => {
    const queue = queueOf();
    const { lines, logger } = recorder();
    const letters = new Bell();
    const handler = (): never => {
      throw new Error("no such customer");
    };
    const service = ending(await processor.start({ port: 0, queue, logger, maxDeliveries: 2, deadLetter: "dead", handler }));
    await queue.consume("dead", (message) => letters.ring(`${message.id} ${JSON.stringify(message.metadata)}`));
    const { body } = await post(service, "/enqueue", { source: "test", data: "x" });
    const [letter] = await letters.times(1);
    expect(letter).toMatch(new RegExp(`^${body.messageId} .*no such customer`));
    expect((await service.app.inject("/stats")).json()).toMatchObject({ failed: 2, handled: 0, queue: { deadLettered: 1 } });
    expect(lines).toContainEqual(expect.objectContaining({ id: body.messageId, error: "Error: no such customer" }));
  });

  test("handle one id once, though it lies on the queue twice", async () => {
    const queue = queueOf();
    const bell = new Bell();
    ending(await processor.start({ port: 0, queue, handler: (message) => bell.ring(message.text()) }));
    await queue.publish([
      { id: "a", data: "a" },
      { id: "a", data: "a" },
      { id: "b", data: "b" },
    ]);
    await until(
      () => queue.stats(),
      ({ acked }) => acked === 3,
    );
    expect(bell.rung.toSorted()).toEqual(["a", "b"]);
  });
});

describe("the end", () => {
  test("waits for what only this process holds", async () => {
    const queue = queueOf();
    const bell = new Bell();
    const service = await processor.start({ port: 0, queue, concurrency: 2, handler: async (message) => bell.ring(message.id) });
    const sent = await queue.publish(Array.from({ length: 50 }, (_, n) => ({ data: String(n) })));
    await service.close();
    expect(bell.rung.toSorted()).toEqual(sent.map(({ id }) => id).toSorted());
    await expect(fetch(service.url)).rejects.toThrow();
  });

  test("does not take longer than it may", async () => {
    const queue = queueOf();
    const handler = (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const service = await processor.start({ port: 0, queue, handler });
    await queue.publish({ data: "x" });
    await until(
      () => queue.stats(),
      ({ consumed }) => consumed === 1,
    );
    await service.close({ drainMs: 100 });
    expect((await queue.stats()).acked).toBe(0);
  });
});

test("a broker that is required and is not there ends the start, naming it", async () => {
  const env = {
    QUEUE_TYPE: "composite",
    COMPOSITE_PROVIDERS: "memory, nats",
    NATS_URL: "nats://127.0.0.1:9",
  };
  await expect(processor.start({ port: 0, env, readyTimeoutMs: 300 })).rejects.toThrow(/nats/);
});
