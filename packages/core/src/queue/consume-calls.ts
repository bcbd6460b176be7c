import type { Clock } from "../clock.ts";
import { OmniError } from "../error.ts";
import type { Logger } from "../logger.ts";
import { checkCallNames } from "./call-names.ts";
import { checkCount, checkMs, invalidOption } from "./check.ts";
import { RunningConsumer } from "./consumer.ts";
import type { Counters } from "./counters.ts";
import type { DedupeStore } from "./dedupe.ts";
import type { DriverSubscription, QueueDriver } from "./driver.ts";
import type { EnvelopeForm } from "./envelope.ts";
import type { QueueFeatures } from "./features.ts";
import { checkTopic } from "./input.ts";
import type { MessageInput } from "./message.ts";
import { checkDedupe } from "./once.ts";
import type { ConsumeOptions, Consumer, ConsumerStart, Handler, QueueCallOptions, SubscribeOptions } from "./provider.ts";
import { checkGroup, checkTimeout, DEFAULT_TIMEOUT_MS, timeOf } from "./queue-options.ts";
import { OpenSubscription } from "./subscription.ts";
import { withTimeout } from "./timeout.ts";

/** What the receiving half of a queue works with. */
export interface ConsumeCallsParts {
  readonly driver: QueueDriver;
  readonly features: QueueFeatures;
  readonly counters: Counters;
  readonly form: EnvelopeForm;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Group of consumers that name none. */
  readonly defaultGroup: string;
  /** Publishes a dead letter, also while the queue is closing: what fails while it drains has to be put somewhere. */
  readonly deadLetter: (letter: MessageInput) => Promise<void>;
  /** Throws when the queue is closed. */
  readonly checkOpen: (operation: string) => void;
}

/** The calls of `subscribe` and `consume`, and what runs of them. */
export class ConsumeCalls {
  readonly #parts: ConsumeCallsParts;
  readonly #subscriptions = new Set<OpenSubscription>();
  readonly #consumers = new Set<RunningConsumer>();
  readonly #dedupe = new Set<DedupeStore>();

  constructor(parts: ConsumeCallsParts) {
    this.#parts = parts;
  }

  /** Whether a handler runs now. */
  get isHandling(): boolean {
    for (const consumer of this.#consumers) if (consumer.running > 0) return true;
    return false;
  }

  /** The narrowest of the stores that consumers remember in. */
  get narrowestDedupe(): DedupeStore | undefined {
    return [...this.#dedupe].sort((a, b) => SCOPES.indexOf(a.scope) - SCOPES.indexOf(b.scope))[0];
  }

  subscribe(operation: string, topic: unknown, options: SubscribeOptions, maxInFlight: number): OpenSubscription {
    const { driver, features, counters, form, logger, defaultGroup } = this.#parts;
    this.#parts.checkOpen(operation);
    const checked = checkTopic(topic);
    driver.check?.(checked);
    const group = checkGroup(options.group ?? defaultGroup);
    if (!features.groups && group !== defaultGroup) {
      const reason = "this broker has no groups: every consumer is one of the same";
      throw new OmniError("NOT_SUPPORTED", { backend: driver.name, operation, topic: checked, reason });
    }
    const from = this.#startOf(options.from);
    const context = { backend: driver.name, operation, topic: checked };
    const subscription = new OpenSubscription({
      driver,
      counters,
      form,
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
        .catch((error) => logger.warn({ provider: driver.name, topic: checked, error: String(error) }, "unsubscribing failed"));
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
    const { driver, logger, clock } = this.#parts;
    const timeoutMs = checkTimeout("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const onEvent = (event: { readonly type: string; readonly reason?: string | undefined }): void => {
      logger.info({ provider: driver.name, topic, group: joined.group, reason: event.reason }, `subscription ${event.type}`);
    };
    const open = (signal: AbortSignal): Promise<DriverSubscription> => driver.subscribe(topic, { ...joined, onEvent, signal });
    const late = (subscription: DriverSubscription): void => {
      subscription
        .close()
        .catch((error) => logger.warn({ topic, error: String(error) }, "closing a subscription that came too late failed"));
    };
    return withTimeout(open, { signal: options.signal, timeoutMs, clock, context, late });
  }

  #startOf(from: SubscribeOptions["from"]): "earliest" | "latest" | number {
    const { driver, features } = this.#parts;
    const { startFrom } = features;
    if (from === undefined) return startFrom.includes("earliest") ? "earliest" : "latest";
    const start = from instanceof Date || typeof from === "number" ? timeOf("from", from)! : from;
    const kind = typeof start === "number" ? "time" : start;
    if (!startFrom.includes(kind)) {
      if (kind !== "earliest" && kind !== "latest" && kind !== "time")
        throw invalidOption("from", from, '"earliest", "latest" or a time');
      throw new OmniError("NOT_SUPPORTED", {
        backend: driver.name,
        operation: "subscribe",
        reason: `a group starts here at ${startFrom.join(" or ")}, not at ${kind}`,
      });
    }
    return start;
  }

  consume(topic: string | undefined, handler: Handler, options: ConsumeOptions): ConsumerStart {
    if (typeof handler !== "function") throw invalidOption("handler", handler, "a function");
    checkCallNames("consume", options);
    const store = options.dedupe && checkDedupe(options.dedupe);
    const concurrency = checkCount("concurrency", options.concurrency ?? 1);
    const prefetch = options.prefetch ?? concurrency;
    checkMs("prefetch", prefetch);
    const { signal: _, ...joining } = options;
    const subscription = this.subscribe("consume", topic, joining, concurrency + prefetch);
    if (store) this.#dedupe.add(store);
    const { driver, counters, clock, logger, features, deadLetter } = this.#parts;
    const consumer = new RunningConsumer({
      name: driver.name,
      subscription,
      handler,
      options,
      counters,
      clock,
      logger,
      features,
      deadLetter,
      onClose: (closed) => this.#consumers.delete(closed),
    });
    this.#consumers.add(consumer);
    return startOf(consumer);
  }

  /** Ends all consumers, then all subscriptions. @returns what went wrong */
  async close(drainMs: number): Promise<readonly unknown[]> {
    const consumers = await Promise.allSettled([...this.#consumers].map((consumer) => consumer.close({ drainMs })));
    const subscriptions = await Promise.allSettled([...this.#subscriptions].map((subscription) => subscription.close()));
    return [...consumers, ...subscriptions].flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
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
