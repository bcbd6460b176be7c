import { createQueue } from "@omni/core/queue";
import { queueKit } from "@omni/core/testing";
import { memoryDriver, memoryQueue } from "@omni/queue-memory";
import { throughTheWire } from "./through-the-wire.ts";

const framework = { describe, test, expect };

queueKit("memory queue", () => memoryQueue(), framework, { features: memoryQueue().features });

const small = { ackDeadlineMs: 500, dedupeWindowMs: 60_000, capacity: 300 };
queueKit("memory queue with deadlines, dedupe and a small capacity", () => memoryQueue(small), framework, {
  features: memoryQueue(small).features,
});

const wire = (): ReturnType<typeof memoryDriver> => throughTheWire(memoryDriver({ whenFull: "reject" }));
queueKit("memory queue through the wire, in JSON", () => createQueue(wire(), { form: "json" }), framework);

// As a broker does it that keeps no order of concurrent calls: core's lanes per key have to, with and without batches.
const unordered = (): ReturnType<typeof memoryDriver> => {
  const driver = wire();
  return {
    ...driver,
    features: { ...driver.features, pipelined: false, maxBytes: 100_000 },
    publish: async (topic, batch, options) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      return driver.publish(topic, batch, options);
    },
  };
};
queueKit("queue over a driver that overtakes", () => createQueue(unordered()), framework);
queueKit(
  "queue over a driver that overtakes, in batches",
  () => createQueue(unordered(), { batch: { lingerMs: 2, maxMessages: 7 } }),
  framework,
);
