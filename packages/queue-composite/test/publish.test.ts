import { MultiError, OmniError } from "@omni/core";
import { isPublishFailure, type QueueProvider } from "@omni/core/queue";
import { faultyQueue } from "@omni/core/testing";
import { type CompositeError, type CompositeOutcome, compositeQueue, type MemberStats } from "@omni/queue-composite";
import { memoryQueue } from "@omni/queue-memory";
import { StepClock } from "@omni/virtual-time";
import { puppetQueue } from "./puppet-queue.ts";
import { turns } from "./turns.ts";

const topic = "t";

async function failed(publish: Promise<unknown>): Promise<CompositeError> {
  const error = await publish.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(MultiError.is(error)).toBe(true);
  return error as CompositeError;
}

async function texts(queue: QueueProvider): Promise<string[]> {
  const found: string[] = [];
  for await (const message of queue.browse(topic)) found.push(message.text());
  return found;
}

test("every member gets the same id, bytes and headers, serialised once", async () => {
  const [a, b] = [puppetQueue("a"), puppetQueue("b")];
  const queue = compositeQueue([a.queue, b.queue], { topic });
  const result = await queue.publish({ data: "x", key: "k", metadata: { lang: "ö" } });
  expect(result.outcomes?.map(({ member, state }) => [member, state])).toEqual([
    ["a", "acked"],
    ["b", "acked"],
  ]);
  expect(a.seen[0]?.batch[0]).toBe(b.seen[0]?.batch[0]);
  await queue.close();
});

test("fail-fast: two memory queues hold the message, and their numbers say so", async () => {
  const [one, two] = [memoryQueue({ capacity: 10 }), memoryQueue({ capacity: 10 })];
  const queue = compositeQueue([one, two], { strategy: "fail-fast", topic });
  await queue.publish({ id: "test" });
  expect([(await one.stats({ topic })).stored, (await two.stats({ topic })).stored]).toEqual([1, 1]);
  const { byMember, total } = await queue.stats();
  expect(byMember).toMatchObject({ "memory-1": { published: 1, stored: 1 }, "memory-2": { published: 1, stored: 1 } });
  expect(total).toMatchObject({ published: 2, stored: 2 });
  await queue.close();
});

test("fail-fast rejects at the first failure, cancels nobody and tells later how it ended", async () => {
  const [a, b] = [puppetQueue("a", "manual"), puppetQueue("b", "rejected")];
  const queue = compositeQueue([a.queue, b.queue], { topic });
  const error = await failed(queue.publish({ data: "x" }));
  expect(error.code).toBe("PARTIAL_FAILURE");
  expect(error.message).toBe('b publish "t": b is down');
  expect(error.outcomes.map(({ state, pending }) => [state, pending])).toEqual([
    ["unknown", true],
    ["rejected", undefined],
  ]);
  a.seen[0]?.answer([{ state: "acked", position: { sequence: "7" } }]);
  const settled = await error.settled;
  expect(settled[0]).toMatchObject({ member: "a", state: "acked", position: { sequence: "7" } });
  await queue.close();
});

test("fail-fast tells of a list, too, how it ended, message by message", async () => {
  const [a, b] = [puppetQueue("a", "manual"), puppetQueue("b", "manual")];
  const queue = compositeQueue([a.queue, b.queue], { topic });
  const publish = failed(queue.publish(["1", "2", "3"].map((id) => ({ id }))));
  const refused = { state: "rejected", error: b.error } as const;
  b.seen[0]?.answer([refused, { state: "acked" }, refused]);
  await turns();
  a.seen[0]?.answer([{ state: "acked" }, { state: "acked" }, { state: "duplicate" }]);
  const error = await publish;
  expect(isPublishFailure(error) && error.messages.map(({ id }) => id)).toEqual(["1", "3"]);
  expect(error.outcomes.map(({ member, state }) => [member, state])).toEqual([
    ["a", "unknown"],
    ["b", "rejected"],
    ["a", "unknown"],
    ["b", "rejected"],
  ]);
  expect((await error.settled).map((outcome) => [(outcome as { id?: string }).id, outcome.member, outcome.state])).toEqual([
    ["1", "a", "acked"],
    ["1", "b", "rejected"],
    ["3", "a", "duplicate"],
    ["3", "b", "rejected"],
  ]);
  await queue.close();
});

test("best-effort goes on while one works, and fails when all failed", async () => {
  const [a, b] = [puppetQueue("a", "rejected"), puppetQueue("b")];
  const queue = compositeQueue([a.queue, b.queue], { topic, strategy: "best-effort" });
  const { state, outcomes } = await queue.publish({ data: "x" });
  expect([state, outcomes?.map((outcome) => outcome.state)]).toEqual(["acked", ["rejected", "acked"]]);
  b.answer = "rejected";
  const error = await failed(queue.publish({ id: "again", data: "x" }));
  expect(error.message).toBe('a publish "t": a is down (and 1 more errors)');
  expect(error.outcome).toBe("not-applied");
  expect(isPublishFailure(error) && error.messages.map(({ id }) => id)).toEqual(["again"]);
  await queue.close();
});

test("what may be stored is never called rejected, and a retry goes under the same id", async () => {
  const real = memoryQueue({ dedupeWindowMs: 60_000 });
  const flaky = faultyQueue(real, [{ on: "publish", do: "fail-after-commit", times: 1 }]);
  const queue = compositeQueue([memoryQueue({ dedupeWindowMs: 60_000 }), flaky], { topic, strategy: "all" });
  const error = await failed(queue.publish({ data: "x" }));
  expect([error.code, error.outcome]).toEqual(["IN_DOUBT", "unknown"]);
  const [again] = await queue.publish(isPublishFailure(error) ? error.messages : []);
  expect(again?.state).toBe("duplicate");
  expect(await texts(real)).toEqual(["x"]);
  await queue.close();
});

test("a member that hangs is given up after its own time", async () => {
  const clock = new StepClock();
  const [a, b] = [puppetQueue("a", "hang"), puppetQueue("b")];
  const members = [{ name: "slow", provider: a.queue, timeoutMs: 700 }, b.queue];
  const queue = compositeQueue(members, { topic, strategy: "best-effort", clock });
  const publish = queue.publish({ data: "x" });
  await turns();
  clock.pass(699);
  await turns();
  clock.pass(1);
  const [slow, fast] = (await publish).outcomes as readonly CompositeOutcome[];
  expect(slow).toMatchObject({ member: "slow", state: "unknown", latencyMs: 700 });
  expect(slow?.error?.code).toBe("IN_DOUBT");
  expect(fast).toMatchObject({ member: "b", state: "acked", latencyMs: 0 });
});

test("the second of two full queues rejects at once and says what to do", async () => {
  // Time stands still: whoever waits for room waits for ever.
  const clock = new StepClock();
  const queue = compositeQueue([memoryQueue({ capacity: 10 }), memoryQueue({ capacity: 10 })], { topic, clock });
  const handled = new Set<string>();
  await queue.consume((message) => void handled.add(message.id));
  let error: CompositeError | undefined;
  for (let i = 0; i < 1_000 && !error; i++)
    error = await queue.publish({ data: `${i}` }).then(
      () => undefined,
      (e) => e,
    );
  expect(error?.errors[0]).toMatchObject({ code: "QUEUE_FULL" });
  expect(error?.message).toBe(
    'memory-2 publish "t": the queue is full: the topic holds 10 messages and nobody has subscribed to it; add a consumer, or raise `capacity`',
  );
  const { byMember } = await queue.stats();
  expect(byMember?.["memory-2"]).toMatchObject({ published: 10, drain: "none", fill: 1, breaker: "closed" });
  await queue.close();
});

test("a member that nobody reads is warned of at 80 percent, once", async () => {
  const warnings: string[] = [];
  const nothing = (): void => undefined;
  const logger = { debug: nothing, info: nothing, error: nothing, warn: (_: unknown, text = "") => void warnings.push(text) };
  const queue = compositeQueue([memoryQueue(), memoryQueue({ capacity: 10 })], { topic, logger });
  for (let i = 0; i < 7; i++) await queue.publish({});
  await turns();
  expect(warnings).toEqual([]);
  for (let i = 0; i < 3; i++) await queue.publish({});
  await turns();
  expect(warnings.map((text) => text.split(":")[0])).toEqual(["a member that nobody reads is more than 80 % full"]);
  await queue.close();
});

test("a breaker opens after failures, skips, tries once and closes; errors of the caller do not count", async () => {
  const clock = new StepClock();
  const [a, b] = [puppetQueue("a", "rejected"), puppetQueue("b")];
  const queue = compositeQueue([a.queue, b.queue], {
    topic,
    strategy: "best-effort",
    clock,
    breaker: { failures: 2, openMs: 1_000 },
  });
  const state = async (): Promise<string | undefined> => (await queue.publish({ data: "x" })).outcomes?.[0]?.state;
  const breaker = async (): Promise<unknown> => ((await queue.stats()).byMember?.a as MemberStats | undefined)?.breaker;
  a.error = new OmniError("INVALID_ARGUMENT", { reason: "no such header" });
  for (let i = 0; i < 5; i++) expect(await state()).toBe("rejected");
  expect(await breaker()).toBe("closed");
  a.error = new OmniError("UNAVAILABLE", { reason: "gone" });
  expect([await state(), await state(), await state()]).toEqual(["rejected", "rejected", "skipped"]);
  expect(await breaker()).toBe("open");
  const skipped = (await queue.publish({ data: "x" })).outcomes?.[0]?.error;
  expect(skipped?.message).toContain(
    "nothing is sent for another 1000 ms because the broker failed again and again; the last error: gone",
  );
  clock.pass(1_000);
  expect([await state(), await state()]).toEqual(["rejected", "skipped"]);
  clock.pass(1_000);
  a.answer = "manual";
  const trial = queue.publish({ data: "x" });
  expect(await state()).toBe("skipped");
  a.seen.at(-1)?.answer([{ state: "acked" }]);
  await trial;
  a.answer = "acked";
  expect([await state(), await breaker()]).toEqual(["acked", "closed"]);
  await queue.close();
});

test("topics are mapped per member; size and names are checked against every member before any write", async () => {
  const a = puppetQueue("a");
  const b = puppetQueue(
    "b",
    "acked",
    { maxBytes: 200 },
    {
      check: (name) => {
        if (name.includes(" ")) throw new OmniError("INVALID_ARGUMENT", { reason: `topic "${name}" has a blank` });
      },
    },
  );
  const queue = compositeQueue([a.queue, b.queue], { topics: { b: { t: "own" }, a: (name) => `x.${name}` } });
  await queue.publish({ topic, data: "x" });
  expect([a.seen[0]?.topic, b.seen[0]?.topic]).toEqual(["x.t", "own"]);
  await expect(queue.publish({ topic, data: "x".repeat(200) })).rejects.toMatchObject({
    code: "TOO_LARGE",
    outcome: "not-applied",
  });
  await expect(queue.publish({ topic: "a b", data: "x" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT", backend: "b" });
  expect(a.seen).toHaveLength(1);
  await queue.close();
});

test("a slow member keeps the order of a key though the strategy has gone on", async () => {
  const [a, b, c] = [puppetQueue("a"), puppetQueue("b"), puppetQueue("c", "manual", { pipelined: false })];
  const queue = compositeQueue([a.queue, b.queue, c.queue], { topic, strategy: "quorum" });
  for (const data of ["1", "2"]) await queue.publish({ data, key: "k" });
  await queue.publish({ data: "other", key: "l" });
  const sent = (): string[] => c.seen.flatMap(({ batch }) => batch.map(({ body }) => Buffer.from(body).toString()));
  expect(sent()).toEqual(["1", "other"]);
  c.seen[0]?.answer([{ state: "acked" }]);
  await turns();
  expect(sent()).toEqual(["1", "other", "2"]);
  const closing = queue.close();
  await turns();
  expect([a.isClosed, c.isClosed]).toEqual([false, false]);
  for (const { answer } of c.seen) answer([{ state: "acked" }]);
  await closing;
  expect([a.isClosed, c.isClosed]).toEqual([true, true]);
});

test("what is not known of a member is left out, of its numbers and of the sums", async () => {
  const silent = puppetQueue("silent").queue;
  const broken = puppetQueue("broken", "acked", {}, { stats: () => Promise.reject(new Error("no answer")) }).queue;
  const blind = compositeQueue([silent, broken], { topic });
  await blind.publish({});
  const unknown = await blind.stats();
  for (const numbers of [unknown.total, unknown.byMember?.silent, unknown.byMember?.broken]) {
    expect(numbers).toBeDefined();
    for (const name of ["pending", "stored", "fill"]) expect(numbers).not.toHaveProperty(name);
  }
  expect(unknown.total?.published).toBe(2);
  const queue = compositeQueue([silent, memoryQueue()], { topic });
  await queue.publish({});
  expect((await queue.stats()).total).toMatchObject({ published: 2, stored: 1 });
});

test("ready and health go by what is required and what a publish needs", async () => {
  const down = (name: string): QueueProvider =>
    puppetQueue(
      name,
      "rejected",
      {},
      {
        ready: () => Promise.reject(new OmniError("UNAVAILABLE", { reason: "no broker" })),
        health: async () => ({ status: "down", reason: "no broker" }),
      },
    ).queue;
  const up = puppetQueue("up").queue;
  const tolerant = compositeQueue([down("a"), up], { strategy: "best-effort" });
  await tolerant.ready();
  expect(await tolerant.health()).toMatchObject({ status: "degraded", reason: "a: no broker", members: { up: { status: "up" } } });
  const strict = compositeQueue([{ name: "a", provider: down("x"), required: true }, up], { strategy: "best-effort" });
  const error = await failed(strict.ready());
  expect(error.message).toBe("a ready: no broker");
  expect((await strict.health()).status).toBe("down");
  expect((await compositeQueue([down("b"), up]).health()).status).toBe("down");
});
