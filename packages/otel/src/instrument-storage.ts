import { type StorageOperation, storageChannel } from "@omni/core";
import {
  type Attributes,
  type Counter,
  type Histogram,
  type Meter,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";

/** What the spans and metrics carry. */
export interface StorageInstrumentationOptions {
  /** @default the global tracer provider's, named `@omni/otel` */
  readonly tracer?: Tracer | undefined;
  /** @default the global meter provider's, named `@omni/otel` */
  readonly meter?: Meter | undefined;
  /** Whether spans carry the object's path. Turn it off where paths tell something about people. @default true */
  readonly paths?: boolean | undefined;
}

/** Seconds: the boundaries that OpenTelemetry recommends for client calls, and two below for local stores. */
const BOUNDARIES = [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const NAME = "@omni/otel";

/**
 * Makes a span and metrics of every storage operation in this process, from core's diagnostics channel.
 *
 * Spans are named `omni.storage <operation>`, of kind CLIENT, with `omni.backend`, `omni.operation`, `omni.path`, `omni.bytes`, and `error.type` with the
 * error's code. Metrics: `omni.storage.operation.duration` (histogram, seconds) and `omni.storage.bytes` (counter, bytes), by backend, operation and
 * `error.type`.
 *
 * @returns stops it
 */
export function instrumentStorage(options: StorageInstrumentationOptions = {}): () => void {
  const instruments = new Instruments(options);
  const subscribers = {
    start: (operation: StorageOperation) => instruments.start(operation),
    end: () => {},
    asyncStart: () => {},
    asyncEnd: (operation: StorageOperation) => instruments.end(operation),
    error: (operation: StorageOperation) => instruments.fail(operation),
  };
  storageChannel.subscribe(subscribers);
  return () => storageChannel.unsubscribe(subscribers);
}

class Instruments {
  readonly #tracer: Tracer;
  readonly #paths: boolean;
  readonly #duration: Histogram;
  readonly #bytes: Counter;
  readonly #spans = new WeakMap<StorageOperation, Span>();

  constructor({ tracer = trace.getTracer(NAME), meter = metrics.getMeter(NAME), paths = true }: StorageInstrumentationOptions) {
    this.#tracer = tracer;
    this.#paths = paths;
    this.#duration = meter.createHistogram("omni.storage.operation.duration", {
      description: "Time of a storage operation",
      unit: "s",
      advice: { explicitBucketBoundaries: BOUNDARIES },
    });
    this.#bytes = meter.createCounter("omni.storage.bytes", { description: "Bytes of the objects read and written", unit: "By" });
  }

  start(operation: StorageOperation): void {
    const path = this.#paths && operation.path !== undefined ? { "omni.path": operation.path } : {};
    const attributes = { ...common(operation), ...path };
    this.#spans.set(
      operation,
      this.#tracer.startSpan(`omni.storage ${operation.operation}`, { kind: SpanKind.CLIENT, attributes }),
    );
  }

  fail(operation: StorageOperation): void {
    const span = this.#spans.get(operation);
    if (!span) return;
    const type = errorType(operation.error);
    span.setAttribute("error.type", type);
    // The message of an error names the path; the cause below it, the SDK's own, stays out.
    span.setStatus(
      this.#paths ? { code: SpanStatusCode.ERROR, message: messageOf(operation.error) } : { code: SpanStatusCode.ERROR },
    );
  }

  end(operation: StorageOperation): void {
    const attributes: Attributes = {
      ...common(operation),
      ...(operation.error === undefined ? {} : { "error.type": errorType(operation.error) }),
    };
    if (operation.durationMs !== undefined) this.#duration.record(operation.durationMs / 1_000, attributes);
    const moves = operation.operation === "read" || operation.operation === "write";
    if (operation.bytes !== undefined && moves) this.#bytes.add(operation.bytes, attributes);
    const span = this.#spans.get(operation);
    if (operation.bytes !== undefined) span?.setAttribute("omni.bytes", operation.bytes);
    span?.end();
  }
}

function common({ backend, operation }: StorageOperation): Attributes {
  return { "omni.backend": backend, "omni.operation": operation };
}

/** A code of Omni, else the error's class: low in cardinality, as the convention for `error.type` asks. */
function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "_OTHER";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
