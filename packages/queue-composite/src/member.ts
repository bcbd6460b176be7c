import { Breaker, type Clock, OmniError, wrapError } from "@omni/core";
import { type QueueDriver, type QueueFeatures, type QueueProvider, type WireMessage, wireSize } from "@omni/core/queue";
import type { MemberSettings } from "./options.ts";

/** What a composite counts of one member; plain numbers. */
export class MemberCounters {
  published = 0;
  duplicates = 0;
  rejected = 0;
  unknown = 0;
  skipped = 0;
  consumed = 0;
  acked = 0;
  nacked = 0;
  suppressed = 0;
  inFlight = 0;
}

/** One of several queues. */
export class Member {
  readonly name: string;
  readonly provider: QueueProvider;
  readonly driver: QueueDriver;
  readonly features: QueueFeatures;
  readonly required: boolean;
  readonly timeoutMs: number;
  readonly breaker: Breaker;
  readonly counters: MemberCounters = new MemberCounters();
  readonly #settings: MemberSettings;

  constructor(settings: MemberSettings, clock: Clock) {
    this.#settings = settings;
    this.name = settings.name;
    this.provider = settings.provider;
    this.driver = settings.provider.driver;
    this.features = settings.provider.features;
    this.required = settings.required;
    this.timeoutMs = settings.timeoutMs;
    this.breaker = new Breaker(settings.breaker, clock);
  }

  /** What this member calls a topic of the composite. */
  topicOf(topic: string): string {
    const { topics } = this.#settings;
    if (topics === undefined) return topic;
    if (typeof topics === "object") return Object.hasOwn(topics, topic) ? (topics[topic] as string) : topic;
    const name: unknown = topics(topic);
    if (typeof name === "string" && name !== "") return name;
    const reason = `topics.${this.name} gave ${String(name)} for topic "${topic}", it has to give a name`;
    throw new OmniError("INVALID_ARGUMENT", { backend: this.name, operation: "publish", topic, reason, outcome: "not-applied" });
  }

  /** Refuses what this member's broker would, before any I/O. @throws OmniError INVALID_ARGUMENT, TOO_LARGE */
  check(topic: string, message: WireMessage | undefined): void {
    const { driver } = this;
    const name = this.topicOf(topic);
    const context = () =>
      ({ backend: this.name, operation: message ? "publish" : "check", topic: name, outcome: "not-applied" }) as const;
    try {
      driver.check?.(name, message);
    } catch (error) {
      throw wrapError(error, context(), driver.classifyError);
    }
    const maxBytes = driver.features.maxBytes ?? this.features.maxBytes;
    if (!message || maxBytes === undefined) return;
    const size = driver.sizeOf?.(message) ?? wireSize(message);
    if (size <= maxBytes) return;
    const reason = `the message has ${size} bytes with its headers, member "${this.name}" takes ${maxBytes}: send less, or store the data elsewhere and send where it is`;
    throw new OmniError("TOO_LARGE", { ...context(), reason });
  }

  /** An error of this member's driver with the member's name. */
  wrap(operation: string, error: unknown): OmniError {
    return wrapError(error, { backend: this.name, operation }, this.driver.classifyError);
  }
}
