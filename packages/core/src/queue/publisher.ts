import type { Clock } from "../clock.ts";
import { MultiError, OmniError, wrapError } from "../error.ts";
import type { Logger } from "../logger.ts";
import { Batcher } from "./batcher.ts";
import type { Counters } from "./counters.ts";
import { DeadlineList } from "./deadline-list.ts";
import type { PublishOutcome, QueueDriver } from "./driver.ts";
import { type EnvelopeForm, encodeMessage, type WireMessage, wireSize } from "./envelope.ts";
import type { QueueFeatures } from "./features.ts";
import { KeyLanes } from "./key-lanes.ts";
import type { Message } from "./message.ts";
import { Parcel, PublishEntry, type PublishOwner } from "./parcel.ts";
import type { BatchOptions, PublishResult } from "./provider.ts";

/** What a publisher works with. */
export interface PublisherParts {
  readonly driver: QueueDriver;
  readonly features: QueueFeatures;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly form: EnvelopeForm;
  readonly batch: BatchOptions | false;
}

/** When a call of `publish` began, and how long it may take: milliseconds. */
export interface PublishTimes {
  readonly now: number;
  readonly timeoutMs: number;
}

/**
 * Takes messages to the driver: order per key, batches, deadlines, and what the driver's word means.
 *
 * Every message ends once: acked, duplicate, rejected, or unknown. It is rejected only when the driver said so, when the driver threw (nothing was
 * handed over), or when it never left the lane of its key.
 */
export class Publisher implements PublishOwner {
  readonly #parts: PublisherParts;
  readonly #lanes: KeyLanes;
  readonly #batcher: Batcher | undefined;
  readonly #deadlines = new Map<number, DeadlineList>();
  readonly #idle = new Set<() => void>();
  #open = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#lanes = new KeyLanes(parts.features.pipelined, (topic, entries) => this.#send(topic, entries));
    const submit = (topic: string, entries: readonly PublishEntry[]): void => this.#lanes.submit(topic, entries);
    this.#batcher = parts.batch === false ? undefined : new Batcher(parts.batch, parts.clock, submit);
  }

  /** Refuses what the broker would refuse, before anything is sent. */
  encode(message: Message): WireMessage {
    const { driver, features, form } = this.#parts;
    const wire = encodeMessage(message, form);
    driver.check?.(message.topic, wire);
    if (features.maxBytes !== undefined) {
      const size = driver.sizeOf?.(wire) ?? wireSize(wire);
      if (size > features.maxBytes) throw tooLarge(size, features.maxBytes);
    }
    return wire;
  }

  /** Publishes one message; never throws. An abort of the caller settles it as unknown, or as rejected when it was not sent. */
  publishOne(message: Message, wire: WireMessage, call: PublishTimes): PublishEntry {
    const entry = this.#enter(message, wire, call);
    if (this.#batcher) this.#batcher.add(entry);
    else this.#lanes.submitOne(entry);
    this.#watch(entry);
    return entry;
  }

  /** Publishes many, one call of the driver per topic where no key has to wait. */
  publishMany(
    items: readonly { readonly message: Message; readonly wire: WireMessage }[],
    call: PublishTimes,
  ): readonly PublishEntry[] {
    const entries = items.map(({ message, wire }) => this.#enter(message, wire, call));
    if (this.#batcher) for (const entry of entries) this.#batcher.add(entry);
    else for (const [topic, group] of Map.groupBy(entries, (entry) => entry.message.topic)) this.#lanes.submit(topic, group);
    for (const entry of entries) this.#watch(entry);
    return entries;
  }

  /** Gives a message up: the caller does not wait any longer. */
  abandon(entry: PublishEntry, reason: unknown): void {
    if (entry.state === "settled") return;
    const state = entry.state === "sent" ? "unknown" : "rejected";
    const { parcel } = entry;
    entry.settle({ state, error: reason });
    if (parcel?.open === 0) parcel.abort(reason);
  }

  /** Sends what waits for others and resolves when nothing is under way. */
  flush(): Promise<void> {
    this.#batcher?.flush();
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.add(resolve));
  }

  /** Gives up everything that is under way. */
  abandonAll(reason: unknown): void {
    this.#batcher?.flush();
    for (const entry of this.#lanes.entries()) this.abandon(entry, reason);
    for (const list of this.#deadlines.values()) list.clear();
  }

  #enter(message: Message, wire: WireMessage, { now, timeoutMs }: PublishTimes): PublishEntry {
    this.#parts.counters.inFlight += 1;
    this.#open += 1;
    const dueAt = timeoutMs === Number.POSITIVE_INFINITY ? 0 : now + timeoutMs;
    return new PublishEntry(message, wire, this.#deadlinesOf(timeoutMs), dueAt, this);
  }

  /** Only what has not ended within its call needs a deadline. */
  #watch(entry: PublishEntry): void {
    if (entry.state !== "settled" && entry.dueAt !== 0) entry.deadlines.add(entry);
  }

  #deadlinesOf(timeoutMs: number): DeadlineList {
    let list = this.#deadlines.get(timeoutMs);
    if (!list) {
      if (this.#deadlines.size > 32) for (const [ms, other] of this.#deadlines) if (other.isEmpty) this.#deadlines.delete(ms);
      list = new DeadlineList(timeoutMs, this.#parts.clock);
      this.#deadlines.set(timeoutMs, list);
    }
    return list;
  }

  settled(entry: PublishEntry, outcome: PublishOutcome): PublishResult {
    this.#parts.counters.inFlight -= 1;
    const result = this.#resultOf(entry.message, outcome);
    this.#lanes.leave(entry);
    this.#open -= 1;
    if (this.#open === 0 && this.#idle.size > 0) this.#becomeIdle();
    return result;
  }

  expired(entry: PublishEntry): void {
    const timeoutMs = entry.deadlines.lengthMs;
    const reason = new OmniError("TIMEOUT", { reason: `no word from the broker within ${timeoutMs} ms`, outcome: "not-applied" });
    const { parcel } = entry;
    if (!parcel || isAwaited(parcel, entry)) {
      entry.settle({ state: parcel ? "unknown" : "rejected", error: reason });
      return;
    }
    parcel.abort(reason);
    // A driver that knows says so within this turn; only then is the message given up.
    setImmediate(() => {
      for (const other of parcel.entries) other.settle({ state: "unknown", error: reason });
    });
  }

  #send(topic: string, entries: readonly PublishEntry[]): void {
    const parcel = new Parcel(topic, entries);
    const batch = entries.map((entry) => entry.wire);
    let answer: ReturnType<QueueDriver["publish"]>;
    try {
      answer = this.#parts.driver.publish(topic, batch, parcel);
    } catch (error) {
      this.#refuse(parcel, error);
      return;
    }
    if (isAtHand(answer)) {
      this.#take(parcel, answer);
      return;
    }
    answer.then(
      (outcomes) => this.#take(parcel, outcomes),
      (error) => this.#refuse(parcel, error),
    );
  }

  #take(parcel: Parcel, outcomes: readonly PublishOutcome[]): void {
    const { entries } = parcel;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as PublishEntry;
      const outcome = outcomes[i] ?? {
        state: "unknown",
        error: new Error(`the driver gave ${outcomes.length} outcomes for ${entries.length} messages`),
      };
      if (entry.state === "settled") this.#tooLate(entry, outcome);
      else entry.settle(outcome);
    }
  }

  #refuse(parcel: Parcel, error: unknown): void {
    for (const entry of parcel.entries) entry.settle({ state: "rejected", error });
  }

  #tooLate(entry: PublishEntry, outcome: PublishOutcome): void {
    const { logger, driver } = this.#parts;
    logger.debug(
      {
        provider: driver.name,
        topic: entry.message.topic,
        id: entry.message.id,
        state: outcome.state,
      },
      "the broker's word came after the deadline",
    );
  }

  #resultOf(message: Message, outcome: PublishOutcome): PublishResult {
    const { counters } = this.#parts;
    const { state, position, outcomes } = outcome;
    if (state === "acked" || state === "duplicate") {
      counters.published += 1;
      if (state === "duplicate") counters.duplicates += 1;
      return { id: message.id, topic: message.topic, state, position, error: undefined, message, outcomes };
    }
    counters[state] += 1;
    return { id: message.id, topic: message.topic, state, position, error: this.#errorOf(message, outcome), message, outcomes };
  }

  #errorOf(message: Message, outcome: PublishOutcome): OmniError {
    const { driver } = this.#parts;
    const context = { backend: driver.name, operation: "publish", topic: message.topic };
    if (outcome.state === "rejected") return wrapError(outcome.error, { ...context, outcome: "not-applied" }, driver.classifyError);
    const cause: OmniError = wrapError(outcome.error, context, driver.classifyError);
    if ((cause.code === "IN_DOUBT" && cause.outcome === "unknown") || MultiError.is(cause)) return cause;
    const reason = `the broker may or may not hold message ${message.id} (${cause.reason}); publish it again under the same id only`;
    return new OmniError("IN_DOUBT", { ...context, reason, outcome: "unknown", retryable: true, cause });
  }

  #becomeIdle(): void {
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}

function isAtHand(answer: ReturnType<QueueDriver["publish"]>): answer is readonly PublishOutcome[] {
  return Array.isArray(answer);
}

/** Whether others of the parcel still wait for the broker's word. */
function isAwaited(parcel: Parcel, except: PublishEntry): boolean {
  return parcel.entries.some((other) => other !== except && other.state !== "settled" && other.dueAt !== 0);
}

function tooLarge(size: number, maxBytes: number): OmniError {
  const reason = `the message has ${size} bytes with its headers, the broker takes ${maxBytes}: send less, or store the data elsewhere and send where it is`;
  return new OmniError("TOO_LARGE", { reason, outcome: "not-applied" });
}
