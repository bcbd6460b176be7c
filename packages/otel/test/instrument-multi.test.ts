import { AsyncLocalStorage } from "node:async_hooks";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiEvent, type MultiOptions, multi, multiChannel } from "@omni/multi";
import { type GroupEvent, instrumentMulti } from "@omni/otel";
import { type Context, context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

// What is subscribed to without the package is what the package sends.
const understood: (event: MultiEvent) => GroupEvent = (event) => event;

const active = new AsyncLocalStorage<Context>();
beforeAll(() => {
  context.setGlobalContextManager({
    active: () => active.getStore() ?? ROOT_CONTEXT,
    with: (current, work, self, ...args) => active.run(current, () => work.call(self as never, ...args)),
    bind: (_, target) => target,
    enable: () => context as never,
    disable: () => context as never,
  });
});
afterAll(() => context.disable());

/** A program with OpenTelemetry set up, and what it would have sent. */
function telemetry(options: { paths?: boolean } = {}) {
  const spans = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer("test");
  const sent = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const meters = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: sent, exportIntervalMillis: 1_000_000 })],
  });
  const stop = instrumentMulti({ meter: meters.getMeter("test"), ...options });
  return {
    /** Values by metric and attributes. */
    async values(): Promise<Record<string, number>> {
      await meters.forceFlush();
      const all = sent.getMetrics().at(-1)?.scopeMetrics ?? [];
      const points = all
        .flatMap(({ metrics }) => metrics)
        .flatMap(({ descriptor, dataPoints }) =>
          dataPoints.map(({ attributes, value }): [string, number] => [
            [descriptor.name.replace("omni.multi.", ""), ...Object.values(attributes)].join(" "),
            value as number,
          ]),
        );
      return Object.fromEntries(points);
    },
    /** Does something under a span and gives the span's events. */
    async under(work: () => Promise<unknown>): Promise<readonly string[]> {
      const span = tracer.startSpan("request");
      await context.with(trace.setSpan(ROOT_CONTEXT, span), work);
      span.end();
      const [finished] = spans.getFinishedSpans().slice(-1);
      return finished?.events.map(({ name, attributes }) => `${name} ${Object.values(attributes ?? {}).join(" ")}`) ?? [];
    },
    stop: () => {
      stop();
      return meters.shutdown();
    },
  };
}

/** A group of three, of which the last can be made to fail. */
function group(options: MultiOptions = {}) {
  const [a, b, last] = [memory(), memory(), faulty(memory(), [])];
  const members = [
    { name: "a", backend: a },
    { name: "b", backend: b },
    { name: "c", backend: last },
  ];
  return { a, faults: last.faults, store: multi(members, { mode: "quorum", readPolicy: "quorum", ...options }) };
}

test("counts changes and outcomes, and notes at the span what members missed", async () => {
  const { values, under, stop } = telemetry();
  const { store, faults } = group();
  expect(await under(() => store.write("p", "one"))).toEqual([]);
  faults.add({ on: ["write", "commit"], do: "fail" });
  expect(await under(() => store.write("p", "two"))).toEqual([
    "omni.multi missed write c p",
    "omni.multi outcome write c failed p",
  ]);
  await store.delete("q");
  await store.close();
  expect(await values()).toEqual({
    "changes write": 2,
    "changes delete": 1,
    "outcomes write a committed": 2,
    "outcomes write b committed": 2,
    "outcomes write c committed": 1,
    "outcomes write c failed": 1,
    "outcomes delete a committed": 1,
    "outcomes delete b committed": 1,
    "outcomes delete c committed": 1,
    "missed write c": 1,
  });
  await stop();
});

test("a failed change has its error's code", async () => {
  const { values, stop } = telemetry();
  const { store, faults } = group({ mode: "all", readPolicy: "first" });
  faults.add({ on: ["write", "stage", "commit"], do: "fail" });
  await expect(store.write("p", "one")).rejects.toMatchObject({ code: "PARTIAL_FAILURE" });
  expect(await values()).toMatchObject({ "changes write PARTIAL_FAILURE": 1 });
  await stop();
});

test("counts stale reads, the repairs that they begin, and what repairs wrote", async () => {
  const { values, under, stop } = telemetry({ paths: false });
  const { store, a } = group();
  await store.write("p", "one");
  await a.write("p", "zero", { stamp: { id: "older", counter: 0 } });
  expect(await under(() => store.stat("p"))).toEqual(["omni.multi stale a"]);
  await store.close();
  expect(await values()).toMatchObject({ stale_reads: 1, "heals true": 1, "repairs write a": 1, "repaired a": 3 });
  await stop();
});

test("shows a breaker's state as a gauge", async () => {
  const { values, under, stop } = telemetry();
  const { store, faults } = group({ breaker: { failures: 1, openMs: 60_000 } });
  faults.add({ on: "stat", do: "fail" });
  expect(await under(() => store.write("p", "one"))).toContain("omni.multi breaker c open");
  expect(await values()).toMatchObject({ "breaker c closed": 0, "breaker c open": 1, "breaker c half-open": 0 });
  await store.close();
  await stop();
});

test("counts laggards, what became of them, hedges and failovers", async () => {
  const { values, under, stop } = telemetry();
  // From the channel, as a group sends them: what makes groups send them is the group's own test.
  const events: readonly MultiEvent[] = [
    { type: "laggard", path: "p", member: "c", phase: "commit", reason: "too late" },
    { type: "late", path: "p", outcome: { member: "c", state: "committed", phase: "commit", bytes: 3 } },
    { type: "hedge", path: "p", member: "b", afterMs: 12 },
    { type: "failover", path: "p", from: "a", to: "b", atByte: 7 },
  ];
  const noted = await under(async () => {
    for (const event of events) multiChannel.publish(understood(event) as MultiEvent);
  });
  expect(noted).toEqual(["omni.multi laggard commit c p", "omni.multi hedge b p", "omni.multi failover a b 7 p"]);
  expect(await values()).toEqual({
    "laggards commit c": 1,
    "outcomes committed true c": 1,
    "hedges b": 1,
    "failovers a b": 1,
  });
  await stop();
});

test("stops", async () => {
  const { values, stop } = telemetry();
  await stop();
  await group().store.write("p", "one");
  expect(await values().catch(() => ({}))).toEqual({});
});
