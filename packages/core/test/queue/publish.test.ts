import { MultiError, OmniError } from "@omni/core";
import { createQueue, isPublishFailure, type PublishResult } from "@omni/core/queue";
import { ManualClock, turn } from "./manual-clock.ts";
import { ScriptedDriver } from "./scripted-driver.ts";

function setUp(features = {}, options = {}) {
  const scripted = new ScriptedDriver(features);
  const clock = new ManualClock();
  const queue = createQueue(scripted.driver, { topic: "t", clock, ...options });
  return { scripted, clock, queue };
}

async function errorOf(promise: Promise<unknown>): Promise<OmniError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!OmniError.is(error)) throw new Error(`no OmniError: ${String(error)}`);
  return error;
}

describe("a publish ends in one of three ways", () => {
  test("acked and duplicate resolve, with id and position", async () => {
    const { scripted, queue } = setUp();
    const first = queue.publish({ id: "a", data: "x" });
    scripted.last.answerAll({ state: "acked", position: { stream: "S", sequence: "7" } });
    expect(await first).toMatchObject({ id: "a", topic: "t", state: "acked", position: { stream: "S", sequence: "7" } });
    const second = queue.publish({ id: "a", data: "x" });
    scripted.last.answerAll({ state: "duplicate" });
    expect(await second).toMatchObject({ state: "duplicate" });
    expect(await queue.stats()).toMatchObject({ published: 2, duplicates: 1, rejected: 0, unknown: 0, inFlight: 0 });
  });

  test("rejected keeps the broker's error, classified, and says not-applied", async () => {
    const scripted = new ScriptedDriver({}, { classifyError: () => "PERMISSION_DENIED" });
    const queue = createQueue(scripted.driver, { topic: "t" });
    const published = errorOf(queue.publish({ id: "a", data: "x" }));
    const cause = new Error("permissions violation");
    scripted.last.answerAll({ state: "rejected", error: cause });
    const error = await published;
    expect(error).toMatchObject({
      code: "PERMISSION_DENIED",
      backend: "scripted",
      operation: "publish",
      topic: "t",
      outcome: "not-applied",
      cause,
    });
    expect(isPublishFailure(error) && error.messages.map(({ id }) => id)).toEqual(["a"]);
  });

  test("unknown is IN_DOUBT, never the broker's timeout, and says what to do", async () => {
    const { scripted, queue } = setUp();
    const published = errorOf(queue.publish({ id: "a", data: "x" }));
    scripted.last.answerAll({ state: "unknown", error: new Error("TIMEOUT") });
    const error = await published;
    expect(error).toMatchObject({ code: "IN_DOUBT", outcome: "unknown", retryable: true });
    expect(error.message).toContain("publish it again under the same id only");
    expect(isPublishFailure(error) && error.messages[0]?.id).toBe("a");
    expect(await queue.stats()).toMatchObject({ unknown: 1, rejected: 0 });
  });

  test("a driver that throws handed nothing over", async () => {
    const { scripted, queue } = setUp();
    const published = Promise.all([errorOf(queue.publish([{ data: "x" }, { data: "y" }]))]);
    scripted.last.throw(new OmniError("UNAVAILABLE", { reason: "disconnected" }));
    const [error] = await published;
    expect(error).toMatchObject({ code: "PARTIAL_FAILURE" });
    expect((error as MultiError).outcomes.map(({ state }) => state)).toEqual(["rejected", "rejected"]);
  });

  test("unknown says so, whatever the driver's own error leaves out", async () => {
    const { scripted, queue } = setUp();
    for (const code of ["TIMEOUT", "IN_DOUBT"] as const) {
      const published = errorOf(queue.publish({ id: "a", data: "x" }));
      scripted.last.answerAll({ state: "unknown", error: new OmniError(code, { reason: "no word" }) });
      expect(await published).toMatchObject({ code: "IN_DOUBT", outcome: "unknown", retryable: true, topic: "t" });
    }
  });

  test("a driver that answers too little leaves the rest unknown", async () => {
    const { scripted, queue } = setUp();
    const published = errorOf(queue.publish([{ data: "x" }, { data: "y" }]));
    scripted.last.answer({ state: "acked" });
    const error = (await published) as OmniError & { results: PublishResult[] };
    expect(error.code).toBe("IN_DOUBT");
    expect(error.results.map(({ state }) => state)).toEqual(["acked", "unknown"]);
  });
});

describe("deadlines", () => {
  test("a driver that says nothing makes it unknown when the time is over, not before", async () => {
    const { scripted, clock, queue } = setUp();
    let ended = false;
    const published = errorOf(queue.publish({ data: "x" }, { timeoutMs: 1_000 })).finally(() => {
      ended = true;
    });
    await clock.pass(999);
    expect(ended).toBe(false);
    await clock.pass(1);
    expect(await published).toMatchObject({ code: "IN_DOUBT", outcome: "unknown" });
    expect(scripted.last.options.signal?.aborted).toBe(true);
  });

  test("a driver that knows that nothing was handed over makes it rejected", async () => {
    const { scripted, clock, queue } = setUp();
    const published = errorOf(queue.publish({ data: "x" }, { timeoutMs: 1_000 }));
    const { signal } = scripted.last.options;
    signal?.addEventListener("abort", () => scripted.last.answerAll({ state: "rejected", error: signal.reason }));
    await clock.pass(1_000);
    expect(await published).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
  });

  test("the broker's word after the deadline changes nothing", async () => {
    const { scripted, clock, queue } = setUp();
    const published = errorOf(queue.publish({ data: "x" }, { timeoutMs: 1_000 }));
    await clock.pass(1_000);
    expect((await published).code).toBe("IN_DOUBT");
    scripted.last.answerAll({ state: "acked" });
    await turn();
    expect(await queue.stats()).toMatchObject({ published: 0, unknown: 1, inFlight: 0 });
  });

  test("what never left the lane of its key is rejected, not unknown", async () => {
    const { scripted, clock, queue } = setUp();
    const first = errorOf(queue.publish({ key: "k", data: "1" }, { timeoutMs: 2_000 }));
    const second = errorOf(queue.publish({ key: "k", data: "2" }, { timeoutMs: 1_000 }));
    await clock.pass(1_000);
    expect(await second).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
    await clock.pass(1_000);
    expect(await first).toMatchObject({ code: "IN_DOUBT" });
    expect(scripted.calls).toHaveLength(1);
  });

  test("of a batch with several deadlines each has its own", async () => {
    const { scripted, clock, queue } = setUp({}, { batch: { lingerMs: 0 } });
    const short = errorOf(queue.publish({ data: "short" }, { timeoutMs: 100 }));
    const long = queue.publish({ data: "long" }, { timeoutMs: 1_000 });
    await clock.pass(0);
    expect(scripted.last.texts).toEqual(["short", "long"]);
    await clock.pass(100);
    expect((await short).code).toBe("IN_DOUBT");
    expect(scripted.last.options.signal?.aborted).toBe(false);
    scripted.last.answerAll({ state: "acked" });
    expect((await long).state).toBe("acked");
  });

  test("no timer is left when everything has ended", async () => {
    const { scripted, clock, queue } = setUp();
    const published = queue.publish({ data: "x" });
    scripted.last.answerAll({ state: "acked" });
    await published;
    await queue.close();
    expect(clock.pending).toBe(0);
  });

  test("an abort rejects with the reason itself, and the driver is told", async () => {
    const { scripted, queue } = setUp();
    const controller = new AbortController();
    const published = queue.publish({ data: "x" }, { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(published).rejects.toBe(reason);
    expect(scripted.last.options.signal?.aborted).toBe(true);
    expect(await queue.stats()).toMatchObject({ unknown: 1, inFlight: 0 });
  });
});

describe("order per key", () => {
  test("what comes while a key is under way waits, and goes together", async () => {
    const { scripted, queue } = setUp();
    const published = ["1", "2", "3"].map((data) => queue.publish({ key: "k", data }));
    const other = queue.publish({ key: "other", data: "o" });
    expect(scripted.calls.map(({ texts }) => texts)).toEqual([["1"], ["o"]]);
    scripted.calls[0]?.answerAll({ state: "acked" });
    await turn();
    expect(scripted.calls.map(({ texts }) => texts)).toEqual([["1"], ["o"], ["2", "3"]]);
    for (const call of scripted.calls) call.answerAll({ state: "acked" });
    await Promise.all([...published, other]);
  });

  test("a failure does not stop the key, and the next go on in order", async () => {
    const { scripted, queue } = setUp();
    const first = errorOf(queue.publish({ key: "k", data: "1" }));
    const second = queue.publish({ key: "k", data: "2" });
    scripted.last.answerAll({ state: "rejected", error: new Error("no") });
    expect((await first).outcome).toBe("not-applied");
    await turn();
    scripted.last.answerAll({ state: "acked" });
    expect((await second).state).toBe("acked");
  });

  test("a driver that keeps the order of calls itself gets them at once", async () => {
    const { scripted, queue } = setUp({ pipelined: true });
    const published = ["1", "2"].map((data) => queue.publish({ key: "k", data }));
    expect(scripted.calls.map(({ texts }) => texts)).toEqual([["1"], ["2"]]);
    for (const call of scripted.calls) call.answerAll({ state: "acked" });
    await Promise.all(published);
  });
});

describe("batches", () => {
  test("go after the linger time", async () => {
    const { scripted, clock, queue } = setUp({}, { batch: { lingerMs: 5 } });
    const published = ["1", "2"].map((data) => queue.publish({ data }));
    await clock.pass(4);
    expect(scripted.calls).toHaveLength(0);
    await clock.pass(1);
    expect(scripted.calls.map(({ texts }) => texts)).toEqual([["1", "2"]]);
    scripted.last.answerAll({ state: "acked" });
    await Promise.all(published);
  });

  test("go when there are enough messages, or bytes", async () => {
    const { scripted, queue } = setUp({}, { batch: { maxMessages: 2, maxBytes: 1_000 } });
    const published = ["1", "2", "x".repeat(990), "y".repeat(990)].map((data) => queue.publish({ data }));
    expect(scripted.calls.map(({ texts }) => texts.map((text) => text.length))).toEqual([[1, 1], [990], [990]]);
    for (const call of scripted.calls) call.answerAll({ state: "acked" });
    await Promise.all(published);
  });

  test("close sends what still waits", async () => {
    const { scripted, queue } = setUp({}, { batch: { lingerMs: 60_000 } });
    const published = queue.publish({ data: "1" });
    const closed = queue.close();
    await turn();
    scripted.last.answerAll({ state: "acked" });
    expect((await published).state).toBe("acked");
    await closed;
  });
});

describe("a list", () => {
  test("rejects with a MultiError that has every result and the messages to retry", async () => {
    const { scripted, queue } = setUp();
    const published = errorOf(
      queue.publish([
        { id: "a", data: "1" },
        { id: "b", data: "2" },
        { id: "c", data: "3" },
      ]),
    );
    scripted.last.answer(
      { state: "acked" },
      { state: "rejected", error: new Error("no") },
      { state: "unknown", error: new Error("?") },
    );
    const error = await published;
    expect(MultiError.is(error, "PARTIAL_FAILURE")).toBe(true);
    if (!isPublishFailure(error)) throw error;
    expect(error.results.map(({ id, state }) => [id, state])).toEqual([
      ["a", "acked"],
      ["b", "rejected"],
      ["c", "unknown"],
    ]);
    expect(error.messages.map(({ id }) => id)).toEqual(["b", "c"]);
    const again = queue.publish(error.messages);
    expect(scripted.last.batch.map(({ id }) => id)).toEqual(["b", "c"]);
    scripted.last.answerAll({ state: "acked" });
    await again;
  });

  test("of several brokers keeps their outcomes", async () => {
    const { scripted, queue } = setUp();
    const published = errorOf(queue.publish([{ id: "a", data: "1" }]));
    const outcomes = [
      { member: "nats", state: "acked" },
      { member: "kafka", state: "unknown" },
    ];
    scripted.last.answer({ state: "unknown", error: new Error("?"), outcomes });
    expect(((await published) as MultiError).outcomes).toEqual(outcomes.map((outcome) => ({ ...outcome, id: "a" })));
  });
});

describe("closing", () => {
  test("waits for what is under way, and gives it up when the drain time is over", async () => {
    const { clock, queue } = setUp();
    const published = errorOf(queue.publish({ data: "x" }, { timeoutMs: 60_000 }));
    const closed = queue.close({ drainMs: 1_000 });
    await clock.pass(1_000);
    expect(await published).toMatchObject({ code: "IN_DOUBT", outcome: "unknown" });
    await closed;
  });
});
