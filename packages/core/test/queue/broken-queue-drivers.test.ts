import { createQueue, type QueueProvider } from "@omni/core/queue";
import { QUEUE_KIT_CASES, type QueueKitOptions, queueKit } from "@omni/core/testing";
import { memoryDriver } from "@omni/queue-memory";
import { BROKEN_QUEUE_DRIVERS } from "./broken-queue-drivers.ts";
import { type Answer, freezable } from "./frozen-broker.ts";

interface CollectedCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** The cases that the kit would register, with a framework that only collects. */
function collect(makeQueue: () => QueueProvider, options: QueueKitOptions = {}): CollectedCase[] {
  const cases: CollectedCase[] = [];
  const where: string[] = [];
  const describe = (name: string, define: () => void): void => {
    where.push(name);
    define();
    where.pop();
  };
  queueKit(
    "kit",
    makeQueue,
    { describe, test: (name, run) => cases.push({ name: `${where.at(-1)}: ${name}`, run }) },
    { timeoutMs: 1_500, ...options },
  );
  return cases;
}

/** Runs cases, all at once: each has a queue of its own. */
async function failuresOf(cases: readonly CollectedCase[]): Promise<string[]> {
  const results = await Promise.allSettled(cases.map(({ run }) => run()));
  return cases.filter((_, i) => results[i]?.status === "rejected").map(({ name }) => name);
}

describe("the queue kit on drivers that break one promise", () => {
  test("has at least 70 cases", () => {
    expect(QUEUE_KIT_CASES).toBeGreaterThanOrEqual(70);
    expect(collect(() => createQueue(memoryDriver()))).toHaveLength(QUEUE_KIT_CASES);
  });

  test.each(BROKEN_QUEUE_DRIVERS.map((broken) => [broken.promise, broken] as const))("a driver that %s", async (_, broken) => {
    const groups = new Set(broken.caughtBy.map((name) => name.slice(0, name.indexOf(":"))));
    const make = (): QueueProvider => {
      const driver = memoryDriver();
      return createQueue({ ...driver, ...broken.break(driver) });
    };
    const cases = collect(make).filter(({ name }) => groups.has(name.slice(0, name.indexOf(":"))));
    const failures = await failuresOf(cases);
    expect(failures).toEqual(expect.arrayContaining([...broken.caughtBy]));
    // One broken promise does not break everything: the kit says which it is.
    expect(failures.length).toBeLessThan(cases.length);
  });

  const FROZEN = "recovery: a publish whose deadline passes while the broker hangs is unknown, never acked";

  test.each<[Answer, readonly string[]]>([
    ["unknown", []],
    ["silence", []],
    ["rejected", [FROZEN]],
    ["acked", [FROZEN]],
  ])("a driver that answers a hanging broker with %s", async (answer, expected) => {
    let hooks = {};
    const make = (): QueueProvider => {
      const frozen = freezable(memoryDriver(), answer);
      hooks = frozen.hooks;
      return createQueue(frozen.driver);
    };
    const cases = collect(make, {
      timeoutMs: 5_000,
      hooks: { freeze: async () => (hooks as Required<ReturnType<typeof freezable>["hooks"]>).freeze!() },
    });
    expect(await failuresOf(cases.filter(({ name }) => name === FROZEN))).toEqual(expected);
  });

  test("a case that needs a hook that is not given fails and names it", async () => {
    const { driver } = freezable(memoryDriver(), "unknown");
    const frozen = collect(() => createQueue(driver)).find(({ name }) => name === FROZEN);
    await expect(frozen?.run()).rejects.toThrow(/hook `freeze`/);
  });

  test("a known gap that is closed is noticed, one that is not is not", async () => {
    const known = { "order: a message that fails keeps its key waiting, and no other": "for a test" };
    const cases = collect(() => createQueue(memoryDriver()), { known });
    const gap = cases.find(({ name }) => name.includes("known gap: for a test"));
    await expect(gap?.run()).rejects.toThrow(/is closed/);
    expect(() => collect(() => createQueue(memoryDriver()), { known: { "order: nothing": "x" } })).toThrow(
      /there is no case "order: nothing"/,
    );
  });
});
