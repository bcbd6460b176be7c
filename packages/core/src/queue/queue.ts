import { type Clock, systemClock } from "../clock.ts";
import { OmniError, wrapError } from "../error.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { checkCount, checkMs, invalidOption } from "./check.ts";
import { DRAIN_MS, RunningConsumer } from "./consumer.ts";
import { Counters } from "./counters.ts";
import type { DedupeStore } from "./dedupe.ts";
import { queueChannel, tracedQueue } from "./diagnostics.ts";
import type { BrowsedMessage, DriverStats, DriverSubscription, QueueDriver, QueueSupporting } from "./driver.ts";
import { decodeMessage, type EnvelopeForm } from "./envelope.ts";
import { completeQueueFeatures, type QueueAbility, type QueueFeatures } from "./features.ts";
import { checkTopic } from "./input.ts";
import type { Message, MessageInput } from "./message.ts";
import { checkDedupe } from "./once.ts";
import {
  type BrowseOptions,
  type ConsumeOptions,
  type Consumer,
  type ConsumerStart,
  DEFAULT_GROUP,
  type Handler,
  type PublishOptions,
  type PublishResult,
  type QueueCallOptions,
  type QueueCloseOptions,
  type QueueHealth,
  type QueueOptions,
  type QueueProvider,
  type QueueStats,
  type StatsOptions,
  type SubscribeOptions,
  type Subscription,
} from "./provider.ts";
import { PublishCalls } from "./publish-calls.ts";
import { Publisher } from "./publisher.ts";
import { checkForm, checkGroup, checkTimeout, timeOf } from "./queue-options.ts";
import { OpenSubscription } from "./subscription.ts";
import { withTimeout } from "./timeout.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_IN_FLIGHT = 16;
// Deliveries that did not begin to run are given back soon after a close; the driver's own close has this long.
const CLOSE_MS = 10_000;

/**
 * Makes a queue of a driver.
 *
 * @throws OmniError INVALID_ARGUMENT when an option is not what it has to be
 */
export function createQueue<D extends QueueDriver>(driver: D, options: QueueOptions = {}): QueueProvider<D> {
  return new PortableQueue(driver, options);
}

/**
 * Makes a factory of queues from a function that makes drivers: `const redis = defineQueue("redis", (options: RedisOptions) => redisDriver(options))`.
 *
 * @param name what the driver has to be called
 */
export function defineQueue<D extends QueueDriver, O extends QueueOptions>(
  name: string,
  make: (options: O) => D,
): (options: O) => QueueProvider<D> {
  return (options) => {
    const driver = make(options);
    if (driver.name !== name) throw invalidOption("the driver's name", driver.name, JSON.stringify(name));
    return createQueue(driver, options);
  };
}

const OPTIONS: unique symbol = Symbol.for("@omni/core/queue/options@1");

/**
 * Puts a layer over a queue: a new queue over the wrapped driver, with the options of the old one. It loses no ability and gains none.
 *
 * @param queue stays usable beside it; closing either closes the driver underneath
 * @param overrides the driver's methods to replace, given the driver underneath
 * @param more options that differ from the old one's
 */
export function layerQueue<D extends QueueDriver>(
  queue: QueueProvider<D>,
  overrides: (driver: D) => Partial<QueueDriver>,
  more: QueueOptions = {},
): QueueProvider<D> {
  const { driver } = queue;
  const kept = Object.entries(overrides(driver)).filter(([name, value]) => typeof value !== "function" || name in driver);
  const options = (queue as { [OPTIONS]?: QueueOptions })[OPTIONS] ?? { topic: queue.topic };
  return createQueue({ ...driver, ...Object.fromEntries(kept) } as D, { ...options, ...more });
}

class PortableQueue<D extends QueueDriver> implements QueueProvider<D> {
  readonly [OPTIONS]: QueueOptions;
  readonly name: string;
  readonly topic: string | undefined;
  readonly features: QueueFeatures;
  readonly driver: D;
  readonly #group: string;
  readonly #form: EnvelopeForm;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #counters = new Counters();
  readonly #publisher: Publisher;
  readonly #calls: PublishCalls;
  readonly #subscriptions = new Set<OpenSubscription>();
  readonly #consumers = new Set<RunningConsumer>();
  readonly #dedupe = new Set<DedupeStore>();
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(driver: D, options: QueueOptions) {
    this[OPTIONS] = options;
    this.driver = driver;
    this.name = driver.name;
    this.features = completeQueueFeatures(driver.features, (ability) => typeof driver[ability] === "function");
    this.topic = options.topic === undefined ? undefined : checkTopic(options.topic);
    this.#group = checkGroup(options.group ?? DEFAULT_GROUP);
    this.#form = checkForm(options.form ?? (this.features.headers ? "binary" : "json"), this.features);
    const timeoutMs = checkTimeout("publishTimeoutMs", options.publishTimeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#publisher = new Publisher({
      driver,
      features: this.features,
      counters: this.#counters,
      clock: this.#clock,
      logger: this.#logger,
      form: this.#form,
      batch: options.batch ?? false,
    });
    const { topic } = this;
    this.#calls = new PublishCalls(driver, this.#publisher, {
      topic,
      source: options.source,
      timeoutMs,
      now: () => this.#clock.now(),
      admit: () => this.#checkIntake(),
    });
    if (topic !== undefined) driver.check?.(topic);
  }

  supports<A extends QueueAbility>(ability: A): this is QueueProvider<D & QueueSupporting<A>> {
    return this.features[ability];
  }

  publish(message: MessageInput, options?: PublishOptions): Promise<PublishResult>;
  publish(messages: readonly MessageInput[], options?: PublishOptions): Promise<readonly PublishResult[]>;
  publish(
    given: MessageInput | readonly MessageInput[],
    options: PublishOptions = {},
  ): Promise<PublishResult | readonly PublishResult[]> {
    const publish = (): Promise<PublishResult | readonly PublishResult[]> =>
      isMany(given) ? this.#calls.many(given, options) : this.#calls.one(given, options);
    if (!queueChannel.hasSubscribers) return publish();
    const [topic, id, count] = isMany(given)
      ? [options.topic, undefined, given.length]
      : [given?.topic ?? options.topic, given?.id, 1];
    return tracedQueue({ provider: this.name, operation: "publish", topic: topic ?? this.topic, id, count }, publish);
  }

  subscribe(topic?: string | SubscribeOptions, options?: SubscribeOptions): Subscription {
    const [name, given] = typeof topic === "object" ? [this.topic, topic] : [topic ?? this.topic, options ?? {}];
    return this.#subscribe("subscribe", name, given, checkCount("maxInFlight", given.maxInFlight ?? DEFAULT_IN_FLIGHT));
  }

  consume(topic: string | Handler, handler?: Handler | ConsumeOptions, options?: ConsumeOptions): ConsumerStart {
    if (typeof topic === "function") return this.#consume(this.topic, topic, (handler ?? {}) as ConsumeOptions);
    return this.#consume(topic, handler as Handler, options ?? {});
  }

  async *browse(topic?: string | BrowseOptions, options?: BrowseOptions): AsyncGenerator<Message, undefined, undefined> {
    const [name, given] = typeof topic === "object" ? [this.topic, topic] : [topic ?? this.topic, options ?? {}];
    const context = { backend: this.name, operation: "browse", topic: name };
    this.#checkOpen("browse");
    const { browse } = this.driver;
    if (!browse) throw new OmniError("NOT_SUPPORTED", { ...context, reason: "this broker cannot be read without consuming" });
    const checked = checkTopic(name);
    const { last, signal } = given;
    const window = { from: timeOf("from", given.from), until: timeOf("until", given.until), last, signal };
    if (last !== undefined) checkCount("last", last);
    try {
      const found: AsyncIterable<BrowsedMessage> = browse(checked, window);
      for await (const message of found) yield decodeMessage(checked, message, this.#form);
    } catch (error) {
      throw signal?.aborted ? signal.reason : wrapError(error, context, this.driver.classifyError);
    }
  }

  async ready(options: QueueCallOptions = {}): Promise<void> {
    this.#checkOpen("ready");
    const { ready } = this.driver;
    if (ready) await this.#call("ready", options, (signal) => ready({ signal }));
  }

  async stats(options: StatsOptions = {}): Promise<QueueStats> {
    const { topic = this.topic, group = this.#group } = options;
    const counters = { ...this.#counters };
    const known: Partial<DriverStats> =
      this.#closed || !this.driver.stats ? {} : await this.#brokerStats({ ...options, topic, group });
    const [dedupe] = [...this.#dedupe].sort((a, b) => SCOPES.indexOf(a.scope) - SCOPES.indexOf(b.scope));
    const suppressed = counters.suppressed + (known.suppressed ?? 0);
    return { ...counters, ...known, suppressed, ...(dedupe && { dedupe: { scope: dedupe.scope, windowMs: dedupe.windowMs } }) };
  }

  async health(options: QueueCallOptions = {}): Promise<QueueHealth> {
    if (this.#closing) return { status: "down", reason: "the queue is closed" };
    const { health } = this.driver;
    if (!health) return { status: "up" };
    try {
      return await this.#call("health", { timeoutMs: 5_000, ...options }, (signal) => health({ signal }));
    } catch (error) {
      return { status: "down", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  close(options: QueueCloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(checkMs("drainMs", options.drainMs ?? DRAIN_MS));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #subscribe(operation: string, topic: unknown, options: SubscribeOptions, maxInFlight: number): OpenSubscription {
    this.#checkOpen(operation);
    const checked = checkTopic(topic);
    this.driver.check?.(checked);
    const group = checkGroup(options.group ?? this.#group);
    if (!this.features.groups && group !== this.#group) {
      const reason = "this broker has no groups: every consumer is one of the same";
      throw new OmniError("NOT_SUPPORTED", { backend: this.name, operation, topic: checked, reason });
    }
    const from = this.#startOf(options.from);
    const context = { backend: this.name, operation, topic: checked };
    const subscription = new OpenSubscription({
      driver: this.driver,
      counters: this.#counters,
      form: this.#form,
      topic: checked,
      group,
      open: (signal) => this.#open(checked, { group, from, maxInFlight }, { ...options, signal }, context),
      onClose: (closed) => {
        this.#subscriptions.delete(closed);
        options.signal?.removeEventListener("abort", stop);
      },
    });
    const stop = (): void => {
      subscription
        .close()
        .catch((error) => this.#logger.warn({ provider: this.name, topic: checked, error: String(error) }, "unsubscribing failed"));
    };
    this.#subscriptions.add(subscription);
    options.signal?.addEventListener("abort", stop, { once: true });
    if (options.signal?.aborted) stop();
    return subscription;
  }

  #open(
    topic: string,
    joined: { readonly group: string; readonly from: "earliest" | "latest" | number; readonly maxInFlight: number },
    options: QueueCallOptions,
    context: { readonly backend: string; readonly operation: string; readonly topic: string },
  ): Promise<DriverSubscription> {
    const timeoutMs = checkTimeout("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const onEvent = (event: { readonly type: string; readonly reason?: string | undefined }): void => {
      this.#logger.info({ provider: this.name, topic, group: joined.group, reason: event.reason }, `subscription ${event.type}`);
    };
    const open = (signal: AbortSignal): Promise<DriverSubscription> => this.driver.subscribe(topic, { ...joined, onEvent, signal });
    const late = (subscription: DriverSubscription): void => {
      subscription
        .close()
        .catch((error) => this.#logger.warn({ topic, error: String(error) }, "closing a subscription that came too late failed"));
    };
    return withTimeout(open, { signal: options.signal, timeoutMs, clock: this.#clock, context, late });
  }

  #startOf(from: SubscribeOptions["from"]): "earliest" | "latest" | number {
    const { startFrom } = this.features;
    if (from === undefined) return startFrom.includes("earliest") ? "earliest" : "latest";
    const start = from instanceof Date || typeof from === "number" ? timeOf("from", from)! : from;
    const kind = typeof start === "number" ? "time" : start;
    if (!startFrom.includes(kind)) {
      if (kind !== "earliest" && kind !== "latest" && kind !== "time")
        throw invalidOption("from", from, '"earliest", "latest" or a time');
      throw new OmniError("NOT_SUPPORTED", {
        backend: this.name,
        operation: "subscribe",
        reason: `a group starts here at ${startFrom.join(" or ")}, not at ${kind}`,
      });
    }
    return start;
  }

  #consume(topic: string | undefined, handler: Handler, options: ConsumeOptions): ConsumerStart {
    if (typeof handler !== "function") throw invalidOption("handler", handler, "a function");
    const store = options.dedupe && checkDedupe(options.dedupe);
    const concurrency = checkCount("concurrency", options.concurrency ?? 1);
    const prefetch = options.prefetch ?? concurrency;
    checkMs("prefetch", prefetch);
    const { signal: _, ...joining } = options;
    const subscription = this.#subscribe("consume", topic, joining, concurrency + prefetch);
    if (store) this.#dedupe.add(store);
    const consumer = new RunningConsumer({
      name: this.name,
      subscription,
      handler,
      options,
      counters: this.#counters,
      clock: this.#clock,
      logger: this.#logger,
      features: this.features,
      // Past the gate of a closing queue: what fails while it drains has to be put somewhere.
      deadLetter: (letter) => this.#calls.deadLetter(letter),
      onClose: (closed) => this.#consumers.delete(closed),
    });
    this.#consumers.add(consumer);
    return startOf(consumer);
  }

  async #brokerStats(options: StatsOptions): Promise<Partial<DriverStats>> {
    try {
      const { topic, group } = options;
      return dropUndefined(
        await this.#call("stats", { timeoutMs: 5_000, ...options }, (signal) => this.driver.stats!({ topic, group, signal })),
      );
    } catch (error) {
      // Unknown is left out: the counters are still true.
      this.#logger.warn({ provider: this.name, error: String(error) }, "the broker's numbers are not known");
      return {};
    }
  }

  async #call<T>(operation: string, options: QueueCallOptions, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const context = { backend: this.name, operation };
    const timeoutMs = checkTimeout("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      return await withTimeout(call, { signal: options.signal, timeoutMs, clock: this.#clock, context });
    } catch (error) {
      throw options.signal?.aborted ? options.signal.reason : wrapError(error, context, this.driver.classifyError);
    }
  }

  async #close(drainMs: number): Promise<void> {
    const start = this.#clock.now();
    const left = (): number => Math.max(0, drainMs - (this.#clock.now() - start));
    const errors: unknown[] = [];
    const attempt = async (call: () => Promise<unknown>): Promise<void> => {
      await call().catch((error: unknown) => errors.push(error));
    };
    await Promise.all([...this.#consumers].map((consumer) => attempt(() => consumer.close({ drainMs }))));
    await Promise.all([...this.#subscriptions].map((subscription) => attempt(() => subscription.close())));
    this.#closed = true;
    await this.#flush(left());
    const { close } = this.driver;
    const context = { backend: this.name, operation: "close" };
    const timeoutMs = Math.max(left(), CLOSE_MS);
    if (close)
      await attempt(() =>
        withTimeout((signal) => close({ signal }), { signal: undefined, timeoutMs, clock: this.#clock, context }),
      );
    if (errors.length > 0) throw wrapError(errors[0], context, this.driver.classifyError);
  }

  async #flush(drainMs: number): Promise<void> {
    let timer: unknown;
    const over = new Promise<"over">((resolve) => {
      timer = this.#clock.setTimeout(() => resolve("over"), drainMs);
    });
    const ended = await Promise.race([this.#publisher.flush(), over]);
    this.#clock.clearTimeout(timer);
    const reason = new OmniError("BACKEND_CLOSED", { reason: `the queue was closed and the drain time of ${drainMs} ms is over` });
    this.#publisher.abandonAll(reason);
    if (ended === "over") this.#logger.warn({ provider: this.name }, "publishes did not end within the drain time");
  }

  // While handlers end, what they publish still goes.
  #checkIntake(): void {
    if (this.#closed) this.#checkOpen("publish");
    if (!this.#closing) return;
    for (const consumer of this.#consumers) if (consumer.running > 0) return;
    this.#checkOpen("publish");
  }

  #checkOpen(operation: string): void {
    if (this.#closing) {
      throw new OmniError("BACKEND_CLOSED", {
        backend: this.name,
        operation,
        reason: "the queue is closed",
        outcome: "not-applied",
      });
    }
  }
}

const SCOPES: readonly DedupeStore["scope"][] = ["process", "host", "fleet"];

/** The consumer, which can also be awaited until it is subscribed. */
function startOf(consumer: RunningConsumer): ConsumerStart {
  const running: Consumer = consumer;
  return {
    topic: consumer.topic,
    group: consumer.group,
    get done() {
      return consumer.done;
    },
    ready: () => consumer.ready(),
    close: (options) => consumer.close(options),
    [Symbol.asyncDispose]: () => consumer.close(),
    then: (onSubscribed, onFailed) =>
      consumer
        .ready()
        .then(() => running)
        .then(onSubscribed, onFailed),
  };
}

function isMany(given: MessageInput | readonly MessageInput[]): given is readonly MessageInput[] {
  return Array.isArray(given);
}

function dropUndefined<T extends object>(record: T): Partial<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>;
}
