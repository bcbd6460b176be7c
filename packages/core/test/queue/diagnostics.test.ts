import { type QueueOperation, queueChannel } from "@omni/core/queue";
import { memoryQueue } from "@omni/queue-memory";
import { turn } from "./manual-clock.ts";

test("every publish and every handler's run can be seen, with what it took and its error", async () => {
  const ended: QueueOperation[] = [];
  const failed: unknown[] = [];
  const subscribers = {
    start: () => undefined,
    end: () => undefined,
    asyncStart: () => undefined,
    asyncEnd: (operation: QueueOperation) => void ended.push(operation),
    error: (operation: QueueOperation) => void failed.push((operation.error as Error).message),
  };
  queueChannel.subscribe(subscribers);
  const queue = memoryQueue({ topic: "t" });
  await queue.consume(
    (_, { attempt }) => {
      if (attempt === 1) throw new Error("not yet");
    },
    { group: "g", backoff: [0] },
  );
  await queue.publish({ id: "a", data: "x", metadata: { traceparent: "00-1-2-01" } });
  while ((await queue.stats()).acked === 0) await turn();
  await turn();
  queueChannel.unsubscribe(subscribers);
  await queue.publish([{ data: "y" }]);
  await queue.close();
  const consumed = {
    provider: "memory",
    operation: "consume",
    topic: "t",
    group: "g",
    id: "a",
    metadata: { traceparent: "00-1-2-01" },
  };
  expect(ended).toHaveLength(3);
  expect(ended).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        provider: "memory",
        operation: "publish",
        topic: "t",
        id: "a",
        count: 1,
        durationMs: expect.any(Number),
      }),
      expect.objectContaining({ ...consumed, attempt: 1 }),
      expect.objectContaining({ ...consumed, attempt: 2, durationMs: expect.any(Number) }),
    ]),
  );
  expect(failed).toEqual(["not yet"]);
});
