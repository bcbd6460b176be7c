import { type Message, memoryDedupe, type QueueProvider } from "@omni/core/queue";
import { faultyQueue, type QueueFault } from "@omni/core/testing";
import { memoryQueue } from "@omni/queue-memory";
import { ManualClock, turn } from "./manual-clock.ts";

function setUp(...plan: readonly QueueFault[]) {
  const real = memoryQueue({ topic: "t" });
  return { real, faulty: faultyQueue(real, plan) };
}

async function stored(queue: QueueProvider): Promise<string[]> {
  const found: string[] = [];
  for await (const message of queue.browse()) found.push(message.text());
  return found;
}

async function receive(queue: QueueProvider, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const delivery of queue.subscribe()) {
    messages.push(delivery.message);
    await delivery.ack();
    if (messages.length === count) break;
  }
  return messages;
}

describe("faults of publish", () => {
  test("fail: rejected, and the broker does not hold it", async () => {
    const { real, faulty } = setUp({ on: "publish", do: "fail", nth: 2, times: 1 });
    await faulty.publish({ data: "1" });
    await expect(faulty.publish({ data: "2" })).rejects.toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    await faulty.publish({ data: "3" });
    expect(await stored(real)).toEqual(["1", "3"]);
    expect(faulty.faults.log).toEqual([{ on: "publish", do: "fail", topic: "t" }]);
  });

  test("fail-after-commit: in doubt, and the broker holds it; the retry under the same id is handled once", async () => {
    const { real, faulty } = setUp({ on: "publish", do: "fail-after-commit", times: 1 });
    const error = await faulty.publish({ id: "a", data: "x" }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "IN_DOUBT", outcome: "unknown" });
    await faulty.publish((error as { messages: readonly Message[] }).messages[0] as Message);
    expect(await stored(real)).toEqual(["x", "x"]);
    let handled = 0;
    await faulty.consume(() => void handled++, { dedupe: memoryDedupe() });
    while ((await faulty.stats()).acked < 2) await turn();
    expect(handled).toBe(1);
    await faulty.close();
  });

  test("drop-ack: the broker holds it, and its word never comes: in doubt at the deadline", async () => {
    const { real, faulty } = setUp({ on: "publish", do: "drop-ack" });
    await expect(faulty.publish({ data: "x" }, { timeoutMs: 20 })).rejects.toMatchObject({ code: "IN_DOUBT" });
    expect(await stored(real)).toEqual(["x"]);
  });

  test("apply-late: in doubt, and the broker holds it after the flush", async () => {
    const { real, faulty } = setUp({ on: "publish", do: "apply-late" });
    await expect(faulty.publish({ data: "x" })).rejects.toMatchObject({ code: "IN_DOUBT" });
    expect(await stored(real)).toEqual([]);
    await faulty.faults.flush();
    expect(await stored(real)).toEqual(["x"]);
  });

  test("hang: nothing until the release; given up it was not applied", async () => {
    const { real, faulty } = setUp({ on: "publish", do: "hang", times: 2 });
    await expect(faulty.publish({ data: "1" }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: "TIMEOUT",
      outcome: "not-applied",
    });
    const published = faulty.publish({ data: "2" });
    await faulty.faults.struck(2);
    await turn();
    expect(await stored(real)).toEqual([]);
    faulty.faults.release();
    await published;
    expect(await stored(real)).toEqual(["2"]);
  });

  test("delay, duplicate and reorder", async () => {
    const clock = new ManualClock();
    const real = memoryQueue({ topic: "t" });
    const when = (name: string) => (message: { readonly id: string }) => message.id === name;
    const faulty = faultyQueue(
      real,
      [
        { on: "publish", do: "delay", delayMs: 100, when: when("late") },
        { on: "publish", do: "duplicate", when: when("twice") },
        { on: "publish", do: "reorder", when: when("swapped") },
      ],
      { clock },
    );
    const late = faulty.publish({ id: "late", data: "late" });
    await faulty.publish({ id: "twice", data: "twice" });
    const swapped = faulty.publish({ id: "swapped", data: "swapped" });
    await faulty.publish({ id: "next", data: "next" });
    await swapped;
    await clock.pass(100);
    await late;
    expect(await stored(real)).toEqual(["twice", "twice", "next", "swapped", "late"]);
  });
});

describe("faults of delivery", () => {
  test("duplicate: the message comes twice, and dedupe handles it once", async () => {
    const { faulty } = setUp({ on: "deliver", do: "duplicate", times: 1 });
    let handled = 0;
    await faulty.consume(() => void handled++, { dedupe: memoryDedupe() });
    await faulty.publish({ data: "x" });
    while ((await faulty.stats()).suppressed < 1) await turn();
    expect(handled).toBe(1);
    await faulty.close();
  });

  test("reorder: the next message comes first", async () => {
    const { faulty } = setUp({ on: "deliver", do: "reorder", times: 1 });
    await faulty.publish([{ data: "1" }, { data: "2" }, { data: "3" }]);
    expect((await receive(faulty, 3)).map((message) => message.text())).toEqual(["2", "1", "3"]);
  });

  test("drop-ack: the consumer believes it, and the message comes again to the next", async () => {
    const { faulty } = setUp({ on: "ack", do: "drop-ack", times: 1 });
    await faulty.publish({ data: "x" });
    await receive(faulty, 1);
    expect((await receive(faulty, 1)).map((message) => message.text())).toEqual(["x"]);
  });

  test("a failed ack is reported, and the message is not lost", async () => {
    const { faulty } = setUp({ on: "ack", do: "fail", times: 1 });
    const errors: unknown[] = [];
    const consumer = await faulty.consume(() => undefined, { onError: (error) => errors.push(error) });
    await faulty.publish({ data: "x" });
    await faulty.faults.struck();
    await turn();
    await consumer.close();
    expect(errors).toEqual([expect.objectContaining({ code: "UNAVAILABLE", operation: "ack" })]);
    expect(await receive(faulty, 1)).toHaveLength(1);
  });
});

test("a fault that a place cannot have is refused", () => {
  expect(() => setUp({ on: "ack", do: "reorder" })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  expect(() => setUp({ on: "deliver", do: "fail-after-commit" })).toThrow(/cannot strike "deliver"/);
});
