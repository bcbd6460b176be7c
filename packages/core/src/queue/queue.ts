import { type Clock, systemClock } from "../clock.ts";
import { OmniError, wrapError } from "../error.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { checkCallNames } from "./call-names.ts";
import { checkCount, checkMs, invalidOption } from "./check.ts";
import { ConsumeCalls } from "./consume-calls.ts";
import { DRAIN_MS } from "./consumer.ts";
import { Counters } from "./counters.ts";
import { queueChannel, tracedQueue } from "./diagnostics.ts";
import type { BrowsedMessage, DriverStats, QueueDriver, QueueSupporting } from "./driver.ts";
import { decodeMessage, type EnvelopeForm } from "./envelope.ts";
import { completeQueueFeatures, type QueueAbility, type QueueFeatures } from "./features.ts";
import { checkTopic } from "./input.ts";
import type { Message, MessageInput } from "./message.ts";
import {
  type BrowseOptions,
  type ConsumeOptions,
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
import { checkForm, checkGroup, checkTimeout, DEFAULT_TIMEOUT_MS, timeOf } from "./queue-options.ts";
import { withTimeout } from "./timeout.ts";

const DEFAULT_IN_FLIGHT = 16;
const NO_OPTIONS: PublishOptions = Object.freeze({});
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
  readonly #consuming: ConsumeCalls;
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
    this.#consuming = new ConsumeCalls({
      driver,
      features: this.features,
      counters: this.#counters,
      form: this.#form,
      clock: this.#clock,
      logger: this.#logger,
      defaultGroup: this.#group,
      deadLetter: (letter) => this.#calls.deadLetter(letter),
      checkOpen: (operation) => this.#checkOpen(operation),
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
    options: PublishOptions = NO_OPTIONS,
  ): Promise<PublishResult | readonly PublishResult[]> {
    if (!queueChannel.hasSubscribers) return this.#publish(given, options);
    const [topic, id, count] = isMany(given)
      ? [options.topic, undefined, given.length]
      : [given?.topic ?? options.topic, given?.id, 1];
    return tracedQueue({ provider: this.name, operation: "publish", topic: topic ?? this.topic, id, count }, () =>
      this.#publish(given, options),
    );
  }

  #publish(
    given: MessageInput | readonly MessageInput[],
    options: PublishOptions,
  ): Promise<PublishResult | readonly PublishResult[]> {
    return isMany(given) ? this.#calls.many(given, options) : this.#calls.one(given, options);
  }

  subscribe(topic?: string | SubscribeOptions, options?: SubscribeOptions): Subscription {
    const [name, given] = typeof topic === "object" ? [this.topic, topic] : [topic ?? this.topic, options ?? {}];
    checkCallNames("subscribe", given);
    return this.#consuming.subscribe("subscribe", name, given, checkCount("maxInFlight", given.maxInFlight ?? DEFAULT_IN_FLIGHT));
  }

  consume(topic: string | Handler, handler?: Handler | ConsumeOptions, options?: ConsumeOptions): ConsumerStart {
    if (typeof topic === "function") return this.#consuming.consume(this.topic, topic, (handler ?? {}) as ConsumeOptions);
    return this.#consuming.consume(topic, handler as Handler, options ?? {});
  }

  async *browse(topic?: string | BrowseOptions, options?: BrowseOptions): AsyncGenerator<Message, undefined, undefined> {
    const [name, given] = typeof topic === "object" ? [this.topic, topic] : [topic ?? this.topic, options ?? {}];
    const context = { backend: this.name, operation: "browse", topic: name };
    this.#checkOpen("browse");
    checkCallNames("browse", given);
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
    checkCallNames("ready", options);
    const { ready } = this.driver;
    if (ready) await this.#call("ready", options, (signal) => ready({ signal }));
  }

  async stats(options: StatsOptions = {}): Promise<QueueStats> {
    checkCallNames("stats", options);
    const { topic = this.topic, group = this.#group } = options;
    const counters = { ...this.#counters };
    const known: Partial<DriverStats> =
      this.#closed || !this.driver.stats ? {} : await this.#brokerStats({ ...options, topic, group });
    const dedupe = this.#consuming.narrowestDedupe;
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
    checkCallNames("close", options);
    this.#closing ??= this.#close(checkMs("drainMs", options.drainMs ?? DRAIN_MS));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
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
    const context = { backend: this.name, operation: "close" };
    const errors = [...(await this.#consuming.close(drainMs))];
    this.#closed = true;
    await this.#flush(left());
    const { close } = this.driver;
    const timeoutMs = Math.max(left(), CLOSE_MS);
    const parts = { signal: undefined, timeoutMs, clock: this.#clock, context };
    if (close) await withTimeout((signal) => close({ signal }), parts).catch((error: unknown) => errors.push(error));
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
    if (this.#closing && !this.#consuming.isHandling) this.#checkOpen("publish");
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

function isMany(given: MessageInput | readonly MessageInput[]): given is readonly MessageInput[] {
  return Array.isArray(given);
}

function dropUndefined<T extends object>(record: T): Partial<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>;
}
