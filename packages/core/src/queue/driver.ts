import type { ErrorClass, ErrorCode, MemberOutcome } from "../error.ts";
import type { WireMessage } from "./envelope.ts";
import type { QueueAbility, QueueDriverFeatures } from "./features.ts";
import type { Position } from "./message.ts";
import type { QueueCounters, QueueHealth } from "./provider.ts";

/**
 * What an adapter to a broker implements: an object literal whose methods do not use `this`, so that wrappers can spread and bind them.
 *
 * Core promises the driver: topics and messages are checked; what the driver does not declare never reaches it; `publish` of one (topic, key) is
 * not called again before the former call settled or core gave it up, unless the driver is `pipelined`; no call comes after `close`; the first settle of a
 * delivery is the only one; deadlines, retries, dead letters, dedupe, middleware and counters are core's.
 *
 * The driver owes core: it connects lazily, at the first call, and never at construction; it reconnects for ever unless told otherwise; errors of
 * its SDK are thrown or put into outcomes as they are (`classifyError` says what they mean, core wraps once); **what may have reached
 * the broker is never called rejected**; a delivery is acknowledged only by `ack` or `term`; it takes what its `signal` says soon.
 */
export interface QueueDriver {
  /** Lower-case name, also the value of QUEUE_TYPE: `memory`, `nats`, `kafka`. */
  readonly name: string;
  /** Facts and limits; one left out is "no". The abilities below are declared by being present. */
  readonly features: Partial<QueueDriverFeatures>;
  /** Which broker this is (addresses, stream), one canonical string without secrets. Absent: every driver object is a broker of its own. */
  readonly identity?: string | undefined;

  /**
   * Hands a batch of one topic to the broker, 1 message or more, and waits for the broker's word on each.
   *
   * Resolves with one outcome per message, in the same order, and does not throw for a single message. Where there is nothing to wait for it may
   * return them without a promise. **Throwing means that nothing was handed over.** The messages of one key take effect in the order of the batch;
   * where one of them is not acked, those after it of the same key either took effect after it would have, or did not.
   *
   * When `signal` aborts: settle at once, with `"rejected"` for what certainly was not handed over and `"unknown"` for the rest. A driver
   * that goes on (its SDK cannot be stopped) is not waited for: core reports `"unknown"`.
   */
  publish(
    topic: string,
    batch: readonly WireMessage[],
    options: DriverPublishOptions,
  ): Promise<readonly PublishOutcome[]> | readonly PublishOutcome[];
  /**
   * Joins a group. Resolves when what is published from now on will be delivered to the group; rejects when that cannot be (no such topic,
   * refused). A group that is new starts at `from`; one that is known goes on where it was.
   */
  subscribe(topic: string, options: DriverSubscribeOptions): Promise<DriverSubscription>;

  /** Reads what the broker keeps of a time window without consuming it, for any number of readers; ends at what was there when it began. */
  browse?(topic: string, options: DriverBrowseOptions): AsyncIterable<BrowsedMessage>;
  /** Connects, and finds or makes what the queue needs. Absent: there is nothing to connect to. */
  ready?(options: DriverCallOptions): Promise<void>;
  /** Messages that the broker holds for the given group and topic, where it knows. */
  stats?(options: DriverStatsOptions): Promise<DriverStats>;
  /** Whether the broker answers now. Never throws for a broker that is down. Absent: up. */
  health?(options: DriverCallOptions): Promise<QueueHealth>;
  /** Refuses, before any I/O, what the broker would: a topic's name, for example. @throws OmniError INVALID_ARGUMENT */
  check?(topic: string, message?: WireMessage): void;
  /** Bytes of a message as the broker counts them against `features.maxBytes`. Absent: body plus names and values of headers. */
  sizeOf?(message: WireMessage): number;
  /** Sends what is buffered, waits for what is in flight until `signal` aborts, disconnects. Subscriptions were closed before. */
  close?(options: DriverCallOptions): Promise<void>;
  /** What an error of the SDK means; `undefined` = UNKNOWN. Pure. */
  classifyError?(cause: unknown): ErrorCode | ErrorClass | undefined;
}

/** A driver that surely has some optional methods: `QueueDriver & QueueSupporting<"browse">`. */
export type QueueSupporting<A extends QueueAbility> = Required<Pick<QueueDriver, A>>;

/** What every driver call takes. */
export interface DriverCallOptions {
  /** Cancellation and deadline in one. */
  readonly signal?: AbortSignal | undefined;
}

export interface DriverPublishOptions extends DriverCallOptions {
  /** When core's deadline passes: milliseconds since the epoch; absent = none. For SDKs that take a timeout. */
  readonly deadline?: number | undefined;
  /**
   * Tells once when `signal` aborts, with its reason; at once where it has. For drivers that need no more: the signal itself is made when it is first
   * asked for. Absent: `signal` is all there is.
   */
  onAbort?(tell: (reason: unknown) => void): void;
  /** `false`: where the queue is full, reject with QUEUE_FULL at once instead of waiting for room. @default the driver's own way */
  readonly waitForRoom?: false | undefined;
}

/** How the publish of one message ended. Anything that is not certain is `"unknown"`. */
export interface PublishOutcome {
  /**
   * - `"acked"`: the broker holds the message, as durably as `features.durable` says;
   * - `"duplicate"`: the broker already held a message with this (topic, id) and dropped this one;
   * - `"rejected"`: the broker certainly does not hold it by this call;
   * - `"unknown"`: it may or may not.
   */
  readonly state: "acked" | "duplicate" | "rejected" | "unknown";
  /** Where the broker put it (or, of a duplicate, where the first one is), if it says. */
  readonly position?: Position | undefined;
  /** Why it was not acked: what the SDK threw, or an OmniError. Required for `"rejected"` and `"unknown"`. */
  readonly error?: unknown;
  /** Of a driver over several brokers: how each of them ended. */
  readonly outcomes?: readonly MemberOutcome[] | undefined;
}

export interface DriverSubscribeOptions extends DriverCallOptions {
  /** Name of the group; never empty. */
  readonly group: string;
  /** Where the group starts when it is new: one of the `features.startFrom`; a number is a time in milliseconds since the epoch. */
  readonly from: "earliest" | "latest" | number;
  /** Most deliveries of this subscription that are handed over and not settled. The driver never exceeds it. At least 1. */
  readonly maxInFlight: number;
  /** Told of what goes on underneath and needs no action: the driver recovers by itself. */
  readonly onEvent?: ((event: SubscriptionEvent) => void) | undefined;
}

/** What happens to a subscription underneath. */
export interface SubscriptionEvent {
  readonly type: "disconnected" | "reconnected" | "rebalanced" | "restarted";
  readonly reason?: string | undefined;
}

/** A running subscription. Survives disconnections and broker restarts by itself. */
export interface DriverSubscription {
  /**
   * The next delivery; `undefined` once the subscription is stopped. One call at a time. Rejects only when the subscription cannot go on (the
   * topic was deleted, the right was withdrawn); it is stopped then.
   */
  next(): Promise<DriverDelivery | undefined>;
  /** The next delivery if one is at hand, `undefined` else: what core asks before it waits for `next`, so that a message costs no promise. Never throws. */
  poll?(): DriverDelivery | undefined;
  /**
   * Takes nothing more: a pending `next` resolves with `undefined` at once, what was fetched and not handed over goes back to the broker. What was
   * handed over can still be settled. Idempotent.
   */
  stop(): Promise<void>;
  /** Stops, gives back what was handed over and not settled, and leaves the group. Idempotent. Settles after it are refused. */
  close(): Promise<void>;
}

/** A message as it came from the broker: what {@link WireMessage} has, as far as the broker keeps it. */
export interface ReceivedMessage {
  /** The headers as they were published; names as they were written. Empty for a foreign producer without headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The broker's own key, where it has one. Used where the header `omni-key` is missing. */
  readonly key?: string | undefined;
  /** The broker's own time of the message in milliseconds since the epoch. Used where the header `omni-time` is missing. */
  readonly timestamp?: number | undefined;
  readonly position?: Position | undefined;
}

/**
 * A message handed to one consumer. Methods may return nothing instead of a promise where there is nothing to wait for.
 *
 * After ownership was lost (the deadline passed, the partition went to another) each settle rejects with PRECONDITION_FAILED and has no effect.
 */
export interface DriverDelivery {
  readonly message: ReceivedMessage;
  /** 1 for the first delivery to the group, then one more each time, as far as `features.attempts` goes. */
  readonly attempt: number;
  /** Aborts when ownership is lost. May be made when first asked for. Absent: it is never lost before the subscription ends. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the delivery is still this consumer's, asked right before its handler runs. Absent: yes. */
  owned?(): boolean;
  /** Done. Resolves when the broker took it, where the broker says so. */
  ack(): Promise<void> | void;
  /** Not done: deliver again, not before so many milliseconds where `features.delayedNack`. */
  nack(delayMs: number): Promise<void> | void;
  /** Never deliver again to this group, whatever became of it. */
  term(reason: string): Promise<void> | void;
  /** Begins the acknowledgement deadline anew. Nothing where there is no deadline. */
  extend(): Promise<void> | void;
}

export interface DriverBrowseOptions extends DriverCallOptions {
  /** Messages that the broker took at this time or later: milliseconds since the epoch. @default the oldest kept */
  readonly from?: number | undefined;
  /** Messages that the broker took before this time. @default what is there now */
  readonly until?: number | undefined;
  /** The last so many of the window, oldest first. @default all */
  readonly last?: number | undefined;
}

/** A message that was looked at and not consumed. */
export interface BrowsedMessage extends ReceivedMessage {
  /** When the broker took it: milliseconds since the epoch. */
  readonly timestamp: number;
}

export interface DriverStatsOptions extends DriverCallOptions {
  /** @default what the driver was made for */
  readonly topic?: string | undefined;
  readonly group?: string | undefined;
}

/** What the broker knows; what it does not know is left out, never 0 or -1. */
export interface DriverStats {
  /** Messages that the group has not settled yet. */
  readonly pending?: number | undefined;
  /** Messages that the broker keeps of the topic, settled or not. */
  readonly stored?: number | undefined;
  /** Copies that the driver itself kept from being handled again; core adds those of its consumers. */
  readonly suppressed?: number | undefined;
  /** Of a driver over several brokers: what each of them counts and knows, and the sums of what is known. */
  readonly byMember?: Readonly<Record<string, Partial<QueueCounters>>> | undefined;
  readonly total?: Partial<QueueCounters> | undefined;
}
