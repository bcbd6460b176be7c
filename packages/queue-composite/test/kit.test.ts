import { queueKit } from "@omni/core/testing";
import { type CompositeOptions, compositeQueue } from "@omni/queue-composite";
import { memoryQueue } from "@omni/queue-memory";

const known = {
  "dedupe: a consumer with dedupe handles each id once":
    "the case counts copies of one broker; here those of the other are suppressed and counted too",
};

const framework = { describe, test, expect };

function two(options: CompositeOptions = {}, member: Parameters<typeof memoryQueue>[0] = {}): ReturnType<typeof compositeQueue> {
  return compositeQueue([memoryQueue(member), memoryQueue(member)], options);
}

for (const subscribe of ["first", "all"] as const) {
  queueKit(`composite of two memory queues, subscribe ${subscribe}`, () => two({ subscribe }), framework, {
    features: two({ subscribe }).features,
    known: subscribe === "all" ? known : {},
  });
}

queueKit("composite under failover", () => two({ strategy: "failover" }), framework, {
  features: two({ strategy: "failover" }).features,
});

const small = { ackDeadlineMs: 150, dedupeWindowMs: 60_000, capacity: 300 };
queueKit("composite of queues with deadlines and dedupe", () => two({ strategy: "all", subscribe: "all" }, small), framework, {
  features: two({ strategy: "all", subscribe: "all" }, small).features,
  known,
});
