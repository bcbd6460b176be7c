import { createQueue, newId, type QueueProvider } from "@omni/core/queue";
import { runBrokerStops } from "@omni/queue-chaos";
import { type MemoryQueueDriver, memoryDriver } from "@omni/queue-memory";

const nothing = async (): Promise<void> => undefined;

/** Several queue objects over one driver, which none of them closes. */
function over(driver: MemoryQueueDriver): () => QueueProvider {
  return () => createQueue({ ...driver, close: nothing });
}

function run(driver: MemoryQueueDriver): ReturnType<typeof runBrokerStops> {
  const timing = { upMs: 200, downMs: 20, settleMs: 500 };
  return runBrokerStops({ stops: 2, makeQueue: over(driver), stop: nothing, start: nothing, topic: newId(), ...timing });
}

test("a queue that keeps its promises has no violations", async () => {
  const report = await run(memoryDriver({ capacity: 100_000 }));
  expect(report).toMatchObject({ stops: 2, violations: [], duplicates: 0, suppressed: 0, unknown: 0, rejected: 0 });
  expect(report.acked).toBeGreaterThan(20);
  expect(report.words.acked).toBe(report.acked);
});

test("an acknowledged message that is lost is found", async () => {
  const driver = memoryDriver({ capacity: 100_000 });
  let count = 0;
  const report = await run({
    ...driver,
    publish: async (topic, batch, options) => {
      count += 1;
      return count === 10 ? batch.map(() => ({ state: "acked" })) : driver.publish(topic, batch, options);
    },
  });
  expect(report.violations).toEqual([expect.stringMatching(/^1 acknowledged messages were not handled/)]);
});

test("a message that is stored and called rejected is found", async () => {
  const driver = memoryDriver({ capacity: 100_000 });
  const report = await run({
    ...driver,
    publish: async (topic, batch, options) => {
      const acked = await driver.publish(topic, batch, options);
      // Those that are not tried again.
      const isGivenUp = Number(batch[0]?.id.split("-").at(-1)) % 4 === 0;
      return isGivenUp ? batch.map(() => ({ state: "rejected", error: new Error("no") })) : acked;
    },
    classifyError: () => "UNAVAILABLE",
  });
  expect(report.violations).toEqual(expect.arrayContaining([expect.stringMatching(/^\d+ rejected messages were handled/)]));
});

test("copies are counted, and kept from the group with a dedupe store", async () => {
  const driver = memoryDriver({ capacity: 100_000 });
  const report = await run({
    ...driver,
    publish: async (topic, batch, options) => {
      await driver.publish(topic, batch, options);
      return driver.publish(topic, batch, options);
    },
  });
  expect(report.violations).toEqual([]);
  expect(report.duplicates).toBeGreaterThan(0);
  expect(report.suppressed).toBeGreaterThan(0);
});
