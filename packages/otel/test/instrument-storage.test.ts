import { createBackend } from "@omni/core";
import { memory } from "@omni/memory";
import { instrumentStorage } from "@omni/otel";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

/** A program with OpenTelemetry set up, and what it would have sent. */
function telemetry(options: { paths?: boolean } = {}) {
  const spans = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer("test");
  const sent = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const meters = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: sent, exportIntervalMillis: 1_000_000 })],
  });
  const stop = instrumentStorage({ tracer, meter: meters.getMeter("test"), ...options });
  const metric = async (name: string) => {
    await meters.forceFlush();
    return sent
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap(({ metrics }) => metrics)
      .find(({ descriptor }) => descriptor.name === name)?.dataPoints;
  };
  return {
    spans: () => spans.getFinishedSpans(),
    metric,
    stop: () => {
      stop();
      return meters.shutdown();
    },
  };
}

test("makes a span and metrics of each operation", async () => {
  const { spans, metric, stop } = telemetry();
  const store = memory();
  await store.write("a/b", "hello");
  await (await store.read("a/b")).text();
  await store.stat("a/missing").catch(() => {});
  expect(spans().map(({ name, kind, attributes, status }) => [name, kind, attributes, status.code])).toEqual([
    [
      "omni.storage write",
      SpanKind.CLIENT,
      { "omni.backend": "memory", "omni.operation": "write", "omni.path": "a/b", "omni.bytes": 5 },
      SpanStatusCode.UNSET,
    ],
    [
      "omni.storage read",
      SpanKind.CLIENT,
      { "omni.backend": "memory", "omni.operation": "read", "omni.path": "a/b", "omni.bytes": 5 },
      SpanStatusCode.UNSET,
    ],
    [
      "omni.storage stat",
      SpanKind.CLIENT,
      { "omni.backend": "memory", "omni.operation": "stat", "omni.path": "a/missing", "error.type": "NOT_FOUND" },
      SpanStatusCode.ERROR,
    ],
  ]);
  expect(spans()[2]?.status.message).toBe('memory stat "a/missing": not found');
  const points = await metric("omni.storage.operation.duration");
  expect(points?.map(({ attributes, value }) => [attributes, (value as { count: number }).count])).toEqual([
    [{ "omni.backend": "memory", "omni.operation": "write" }, 1],
    [{ "omni.backend": "memory", "omni.operation": "read" }, 1],
    [{ "omni.backend": "memory", "omni.operation": "stat", "error.type": "NOT_FOUND" }, 1],
  ]);
  expect((await metric("omni.storage.bytes"))?.map(({ value }) => value)).toEqual([5, 5]);
  await stop();
});

test("leaves paths out when asked to", async () => {
  const { spans, stop } = telemetry({ paths: false });
  await memory()
    .stat("secret-name")
    .catch(() => {});
  expect(spans()).toHaveLength(1);
  expect(JSON.stringify(spans().map(({ attributes, status }) => ({ attributes, status })))).not.toContain("secret-name");
  await stop();
});

test("what an SDK says of a request stays out of spans", async () => {
  const { spans, stop } = telemetry();
  const broken = createBackend({
    ...memory().driver,
    stat: () =>
      Promise.reject(Object.assign(new Error("GET /a?X-Amz-Signature=abc123 failed"), { headers: { authorization: "key" } })),
    classifyError: () => "UNAVAILABLE",
  });
  await broken.stat("a").catch(() => {});
  const [span] = spans();
  expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'memory stat "a": unavailable' });
  expect(JSON.stringify([span?.attributes, span?.events, span?.status])).not.toContain("abc123");
  await stop();
});

test("a listing is an operation too", async () => {
  const { spans, stop } = telemetry();
  const store = memory();
  await store.write("a/b", "x");
  await Array.fromAsync(store.list("a/"));
  for await (const _ of store.list()) break;
  expect(spans().map(({ name, attributes }) => [name, attributes["omni.path"]])).toEqual([
    ["omni.storage write", "a/b"],
    ["omni.storage list", "a/"],
    ["omni.storage list", ""],
  ]);
  await stop();
});

test("stops", async () => {
  const { spans, stop } = telemetry();
  await stop();
  await memory().exists("a");
  expect(spans()).toEqual([]);
});
