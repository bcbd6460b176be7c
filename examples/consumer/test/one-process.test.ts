import { newId } from "@omni/core/queue";
import { start as startProducer } from "@omni/example-producer";
import { memoryQueue } from "@omni/queue-memory";
import { type Order, REFUSED, start as startConsumer } from "../src/index.ts";

test("both services in one process share a queue in memory", async () => {
  await using queue = memoryQueue();
  const shipped: Order[] = [];
  const shipping = await startConsumer(queue, { ship: (order) => shipped.push(order) });
  const placed: string[] = [];
  const producer = await startProducer(queue, { count: 20, everyMs: 0, onPlaced: ({ id }) => placed.push(id) });
  await producer.done;
  while (shipping.shipped < 20) await new Promise((resolve) => setImmediate(resolve));
  expect(new Set(placed).size).toBe(20);
  expect(shipped.map(({ items }) => items).sort()).toEqual(Array.from({ length: 20 }, (_, i) => (i % 5) + 1).sort());
  await shipping.close();
  expect((await queue.stats()).acked).toBe(20);
});

test("a copy of an order is not shipped again, and what is none goes to a topic of its own", async () => {
  await using queue = memoryQueue();
  const shipped: string[] = [];
  const refused = queue.subscribe(REFUSED);
  await using shipping = await startConsumer(queue, { ship: (_, { id }) => shipped.push(id) });
  const order = { topic: "orders", id: newId(), data: JSON.stringify({ customer: "ada", items: 1 }) };
  await queue.publish([order, order]);
  for (const data of ["not JSON", '{"customer":"ada"}', "null"]) await queue.publish({ topic: "orders", data });
  const letters: string[] = [];
  for await (const delivery of refused) {
    letters.push(delivery.message.text());
    await delivery.ack();
    if (letters.length === 3) break;
  }
  expect(letters.sort()).toEqual(["not JSON", "null", '{"customer":"ada"}'].sort());
  expect(shipped).toEqual([order.id]);
  expect(shipping.shipped).toBe(1);
});

test("a producer that is closed places no more, and the queue stays open", async () => {
  await using queue = memoryQueue();
  const producer = await startProducer(queue, { everyMs: 60_000 });
  while (producer.placed === 0) await new Promise((resolve) => setImmediate(resolve));
  await producer.close();
  await producer.done;
  expect(producer.placed).toBe(1);
  expect((await queue.publish({ topic: "orders", data: "x" })).state).toBe("acked");
});
