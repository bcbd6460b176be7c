import { OmniError } from "@omni/core";
import { createQueueFromEnv, type QueueProvider } from "@omni/core/queue";
import { type CompositeOptions, compositeQueue, STRATEGIES } from "@omni/queue-composite";
import { memoryQueue } from "@omni/queue-memory";
import { puppetQueue } from "./puppet-queue.ts";

const two = (): QueueProvider[] => [memoryQueue(), memoryQueue()];

test.each<[string, CompositeOptions, string]>([
  [
    "strategy",
    { strategy: "some" as "all" },
    'strategy is "some", it has to be one of fail-fast, all, best-effort, quorum, failover',
  ],
  ["minAcks", { minAcks: 3 }, "minAcks is 3, it has to be at most 2"],
  ["quorum", { quorum: 0 }, "quorum is 0, it has to be a whole number, 1 or more"],
  ["subscribe", { subscribe: ["nats"] }, 'subscribe is "nats", it has to be among the members: memory-1, memory-2'],
  ["failover", { strategy: "failover", subscribe: "first" }, 'it has to be "all", or false to publish only'],
  ["topics", { topics: { kafka: {} } }, 'topics is "kafka", it has to be keyed by members: memory-1, memory-2'],
  ["two topics as one", { topics: { "memory-1": { a: "x", b: "x" } } }, 'maps two topics to "x"'],
  ["timeout", { memberTimeoutMs: 0 }, "timeoutMs of memory-1 is 0, it has to be a positive number of milliseconds"],
  ["breaker", { breaker: { failures: 0 } }, "breaker.failures is 0"],
])("refuses a wrong %s", (_, options, reason) => {
  expect(() => compositeQueue(two(), options)).toThrow(reason);
});

test("null and undefined members are left out; none left, or one broker twice, is an error", () => {
  const [one] = two();
  expect(compositeQueue([null, one, undefined]).driver.members).toHaveLength(1);
  expect(() => compositeQueue([null])).toThrow("there are no members");
  expect(() => compositeQueue([one, one])).toThrow('members "memory-1" and "memory-2" are one broker');
  const named = puppetQueue("n", "acked", {}, { identity: "n://x" });
  const same = puppetQueue("n", "acked", {}, { identity: "n://x" });
  expect(() => compositeQueue([named.queue, same.queue])).toThrow("are one broker");
  const apart = compositeQueue([named.queue, same.queue], { topics: { "n-2": { a: "b" } } });
  expect(apart.driver.members.map(({ name }) => name)).toEqual(["n-1", "n-2"]);
  expect(() => compositeQueue([compositeQueue(two())])).toThrow("list its members instead");
  expect(() => compositeQueue(two().map((provider) => ({ name: "x", provider })))).toThrow('two members are called "x"');
});

const env = (more: Record<string, string>): Promise<QueueProvider> => createQueueFromEnv({ QUEUE_TYPE: "composite", ...more });

test("the environment names members and strategy; each adapter is logged once", async () => {
  const lines: unknown[] = [];
  const nothing = (): void => undefined;
  const logger = {
    debug: nothing,
    warn: nothing,
    error: nothing,
    info: (details: unknown, text?: string) => void lines.push([text, details]),
  };
  const queue = await createQueueFromEnv(
    { QUEUE_TYPE: "composite", COMPOSITE_PROVIDERS: " memory ", QUEUE_SIZE: "10", COMPOSITE_STRATEGY: "best-effort" },
    { logger },
  );
  expect(lines).toEqual([["adapter created", { provider: "memory", member: "memory" }]]);
  expect(queue.driver).toMatchObject({ name: "composite", strategy: "best-effort" });
  expect((await queue.publish({ data: "x" })).topic).toBe("messages");
  await queue.close();
});

test("the strategy is fail-fast unless the environment says otherwise", async () => {
  expect((await env({ COMPOSITE_PROVIDERS: "memory" })).driver).toMatchObject({ strategy: STRATEGIES[0] });
});

test("COMPOSITE_SUBSCRIBE and COMPOSITE_MEMBER_TIMEOUT_MS: which members are read, and for how long one is waited for", async () => {
  const drain = async (subscribe: string): Promise<unknown> => {
    const queue = await env({ COMPOSITE_PROVIDERS: "memory,nats", COMPOSITE_SUBSCRIBE: subscribe, NATS_URL: "nats://127.0.0.1:9" });
    const { byMember } = await queue.stats();
    await queue.close();
    return Object.values(byMember ?? {}).map((stats) => (stats as { readonly drain?: string }).drain);
  };
  expect(await drain("first")).toEqual(["consumers", "none"]);
  expect(await drain("ALL")).toEqual(["consumers", "consumers"]);
  expect(await drain("nats")).toEqual(["none", "consumers"]);
  expect(await drain("none")).toEqual(["none", "none"]);
  await (await env({ COMPOSITE_PROVIDERS: "memory", COMPOSITE_MEMBER_TIMEOUT_MS: "250" })).close();
});

test.each([
  [{ COMPOSITE_PROVIDERS: "nats", COMPOSITE_SUBSCRIBE: "kafka" }, "among the members: nats"],
  [{ COMPOSITE_PROVIDERS: "nats", COMPOSITE_MEMBER_TIMEOUT_MS: "5s" }, 'COMPOSITE_MEMBER_TIMEOUT_MS is "5s"'],
  [{}, 'COMPOSITE_PROVIDERS is not set: name the queues, like "nats,kafka"; allowed: memory, nats, kafka'],
  [{ COMPOSITE_PROVIDERS: "nats,,kafka" }, "with an empty name in it; allowed: memory, nats, kafka"],
  [{ COMPOSITE_PROVIDERS: "nats, rabbit" }, '"rabbit" is no queue; allowed: memory, nats, kafka'],
  [{ COMPOSITE_PROVIDERS: "nats, NATS" }, 'names "nats" twice; allowed, each once: memory, nats, kafka'],
  [{ COMPOSITE_PROVIDERS: "memory,composite" }, "a composite cannot be in itself; allowed: memory, nats, kafka"],
  [
    { COMPOSITE_PROVIDERS: "memory", COMPOSITE_STRATEGY: "fast" },
    'COMPOSITE_STRATEGY is "fast"; allowed: fail-fast, all, best-effort, quorum, failover',
  ],
])("refuses %j before anything is made", async (more, reason) => {
  const error = await env(more as Record<string, string>).catch((caught: unknown) => caught);
  expect(OmniError.is(error, "INVALID_ARGUMENT")).toBe(true);
  expect((error as Error).message).toContain(reason);
});
