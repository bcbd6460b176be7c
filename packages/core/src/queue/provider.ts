import type { Clock } from "../clock.ts";
import type { MemberOutcome, OmniError } from "../error.ts";
import type { Logger } from "../logger.ts";
import type { Backoff } from "./backoff.ts";
import type { DedupeOptions, DedupeStore } from "./dedupe.ts";
import type { QueueDriver, QueueSupporting } from "./driver.ts";
import type { EnvelopeForm } from "./envelope.ts";
import type { QueueAbility, QueueFeatures } from "./features.ts";
import type { HandlerContext, Middleware } from "./handler.ts";
import type { Message, MessageInput, Position } from "./message.ts";

/** The group that consumers belong to when they name none. */
export const DEFAULT_GROUP = "omni";

/**
 * One queue, as an application holds it. Made by `createQueue(driver)` or by a package's factory; connects at first use.
 *
 * Every method rejects with an OmniError: INVALID_ARGUMENT, NOT_SUPPORTED, TOO_LARGE and BACKEND_CLOSED before any I/O. An abort rejects with
 * `signal.reason` itself. Delivery is at least once.
 */
export interface QueueProvider<D extends QueueDriver = QueueDriver> extends AsyncDisposable {
  /** The driver's name. */
  readonly name: string;
  /** The default topic, where one was given. */
  readonly topic: string | undefined;
  /** What this queue can do. */
  readonly features: QueueFeatures;
  /** The driver underneath. */
  readonly driver: D;
  /** Whether the broker itself has an ability; narrows the type of `driver`. */
  supports<A extends QueueAbility>(ability: A): this is QueueProvider<D & QueueSupporting<A>>;

  /**
   * Publishes one message. Resolves when the broker holds it (`"acked"`), or held it already (`"duplicate"`).
   *
   * Any failure carries the message with its id, to retry with: see {@link PublishFailure}. Concurrent calls for one key keep their order.
   *
   * @throws OmniError IN_DOUBT when the broker may or may not hold it: retry with the same id only; QUEUE_FULL; UNAVAILABLE; TOO_LARGE; else what
   * the broker said, with `outcome: "not-applied"`
   */
  publish(message: MessageInput, options?: PublishOptions): Promise<PublishResult>;
  /**
   * Publishes many, in order per key; one message's failure does not stop the others. Resolves with the results in the order of the messages when
   * all were acked.
   *
   * @throws MultiError PARTIAL_FAILURE, or IN_DOUBT when some are unknown; a {@link PublishFailure}: `results` has every message
   */
  publish(messages: readonly MessageInput[], options?: PublishOptions): Promise<readonly PublishResult[]>;

  /**
   * Receives messages; each must be settled by `ack`, `nack` or `term`. Leaving the loop gives back what was not settled.
   *
   * @param topic left out: the queue's default topic
   */
  subscribe(topic: string, options?: SubscribeOptions): Subscription;
  /** The same of the default topic. */
  subscribe(options?: SubscribeOptions): Subscription;
  /**
   * Runs a handler for every message and settles by its outcome: returns = ack, after it returned; throws = again after a backoff, and after
   * `maxDeliveries` to the dead letter topic. Awaiting the consumer waits until it is subscribed; it runs either way.
   *
   * @param topic left out: the queue's default topic
   */
  consume(topic: string, handler: Handler, options?: ConsumeOptions): ConsumerStart;
  /** The same of the default topic. */
  consume(handler: Handler, options?: ConsumeOptions): ConsumerStart;
  /** Reads what the broker keeps of a time window without consuming it. NOT_SUPPORTED where `features.browse` is false. */
  browse(topic: string, options?: BrowseOptions): AsyncIterable<Message>;
  /** The same of the default topic. */
  browse(options?: BrowseOptions): AsyncIterable<Message>;

  /** Connects now instead of at first use. @throws OmniError UNAVAILABLE, UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND, TIMEOUT */
  ready(options?: QueueCallOptions): Promise<void>;
  /** Counters of this object since it was made, and what the broker knows. */
  stats(options?: StatsOptions): Promise<QueueStats>;
  /** Whether the broker answers now; never rejects. */
  health(options?: QueueCallOptions): Promise<QueueHealth>;
  /**
   * Drains and disconnects: no new publish or delivery; running handlers and publishes may end until `drainMs`, then handlers' signals abort and
   * what is unsettled goes back to the broker. A second call waits for the first.
   */
  close(options?: QueueCloseOptions): Promise<void>;
}

/** What every queue takes beside what its driver needs. A package's factory takes these too and hands them to `createQueue(driver, options)`. */
export interface QueueOptions {
  /** Topic of messages and consumers that name none. @default none */
  readonly topic?: string | undefined;
  /** Group of consumers that name none. @default "omni" */
  readonly group?: string | undefined;
  /** Source of messages that name none. @default none */
  readonly source?: string | undefined;
  /** How messages lie on the wire. @default "binary" where the broker has headers, else "json" */
  readonly form?: EnvelopeForm | undefined;
  /** Milliseconds until a publish gives up: see {@link PublishOptions}. @default 10_000 */
  readonly publishTimeoutMs?: number | undefined;
  /** Gather single publishes of a topic into batches. @default false: each is sent at once */
  readonly batch?: BatchOptions | false | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
  /** Time, for tests. @default the machine's */
  readonly clock?: Clock | undefined;
}

/** When gathered messages are sent: at the first of these. */
export interface BatchOptions {
  /** Milliseconds that the first message waits for others; 0 = until the current turn of the event loop ends. @default 5 */
  readonly lingerMs?: number | undefined;
  /** @default 500 */
  readonly maxMessages?: number | undefined;
  /** Bytes of bodies and headers. @default 1_048_576 */
  readonly maxBytes?: number | undefined;
}

/** What every call takes. */
export interface QueueCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the call gives up. @default 10_000 */
  readonly timeoutMs?: number | undefined;
}

export interface PublishOptions extends QueueCallOptions {
  /**
   * Milliseconds until a message without the broker's word is `"unknown"` (IN_DOUBT), or rejected with TIMEOUT where it certainly was not handed
   * over. Waiting behind earlier messages of the same key counts. @default the queue's `publishTimeoutMs`: 10_000
   */
  readonly timeoutMs?: number | undefined;
  /** Topic of the messages that name none. @default the queue's `topic` */
  readonly topic?: string | undefined;
}

/** A message that was published. */
export interface PublishResult {
  /** Identity of the message, also when it was made here. */
  readonly id: string;
  readonly topic: string;
  /** `"rejected"` and `"unknown"` occur only in the results of a {@link PublishFailure}. */
  readonly state: "acked" | "duplicate" | "rejected" | "unknown";
  readonly position?: Position | undefined;
  /** Why it was not acked. */
  readonly error?: OmniError | undefined;
  /** The message with its id, to retry with. */
  readonly message: Message;
  /** Of a queue over several brokers: how each of them ended. */
  readonly outcomes?: readonly MemberOutcome[] | undefined;
}

/** What an error of `publish` carries beside the OmniError or MultiError that it is. Test with `isPublishFailure`. */
export interface PublishFailure {
  /** The messages that were not acked, with their ids: `publish(error.messages)` retries them. */
  readonly messages: readonly Message[];
  /** Every message of the call, in order. */
  readonly results: readonly PublishResult[];
  /**
   * Of a queue over several brokers: resolves to how all members ended with the messages that were not acked, those among them that had not answered
   * when the publish failed. Absent elsewhere. Never rejects.
   */
  readonly settled?: Promise<readonly MemberOutcome[]> | undefined;
}

/** Which group reads, from where, and how much at once. */
export interface SubscribeOptions {
  /** Consumers of one group share the messages; each group sees all. @default the queue's `group`: "omni" */
  readonly group?: string | undefined;
  /** Where the group starts when it is new. A Date or a number is a time. @default "earliest" where the broker can, else "latest" */
  readonly from?: "earliest" | "latest" | Date | number | undefined;
  /** Most deliveries that are out and not settled. @default 16 */
  readonly maxInFlight?: number | undefined;
  /** Ends the subscription as `close()` does. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until it has to be subscribed, else TIMEOUT. @default 10_000 */
  readonly timeoutMs?: number | undefined;
}

/** A running subscription: an async iterable that ends when it is closed. */
export interface Subscription extends AsyncIterableIterator<Delivery, undefined, undefined>, AsyncDisposable {
  readonly topic: string;
  readonly group: string;
  /** Resolves when what is published from now on will be delivered to the group. */
  ready(): Promise<void>;
  /** Waits for the next delivery; done when the subscription was closed. */
  next(): Promise<IteratorResult<Delivery, undefined>>;
  /** Closes, as leaving a loop does. */
  return(): Promise<IteratorResult<Delivery, undefined>>;
  /** Ends the iteration and gives back what was not settled. */
  close(): Promise<void>;
}

/** A message that waits to be settled; the first settle wins, later ones do nothing. */
export interface Delivery {
  readonly message: Message;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Aborts when ownership was lost or the subscription is closed. */
  readonly signal: AbortSignal;
  /** How it was settled; `undefined` while it is not. */
  readonly settled: "acked" | "nacked" | "terminated" | undefined;
  /** Done. @throws OmniError PRECONDITION_FAILED when ownership was lost: the message goes, or went, to another */
  ack(): Promise<void>;
  /** Not done: deliver again, after `delayMs` milliseconds where `features.delayedNack`. */
  nack(options?: { readonly delayMs?: number | undefined }): Promise<void>;
  /** Never deliver again to this group. */
  term(reason?: string): Promise<void>;
  /** Begins the acknowledgement deadline anew. */
  extend(): Promise<void>;
}

/** Handles a message. Returning acknowledges it, throwing does not. */
export type Handler = (message: Message, context: HandlerContext) => unknown;

/** How a handler is fed, and what becomes of messages that it does not manage. */
export interface ConsumeOptions extends Omit<SubscribeOptions, "maxInFlight"> {
  /** Handlers that run at once. Messages of one key never do, and keep the order in which they arrive. @default 1 */
  readonly concurrency?: number | undefined;
  /** Deliveries after which a message goes to the dead letter topic; `Infinity` = never. @default 5; of a topic `*.dlq` without `deadLetter`, never */
  readonly maxDeliveries?: number | undefined;
  /** How long to wait before the next delivery. @default exponential from 100 ms to 30 s, with jitter */
  readonly backoff?: Backoff | undefined;
  /**
   * What waits during the backoff. `"in-place"`: the message stays here and its key waits behind it, so that the key's order holds; `"requeue"`: it
   * goes back to the broker, and later messages of its key may overtake it. @default "in-place" for messages with a key, else "requeue"
   */
  readonly retry?: "in-place" | "requeue" | undefined;
  /** Topic for what failed `maxDeliveries` times; `false` = it is dropped and counted. @default `<topic>.dlq` */
  readonly deadLetter?: string | false | undefined;
  /** Handle each (group, topic, id) once while the store remembers it. @default none */
  readonly dedupe?: DedupeStore | DedupeOptions | undefined;
  /** Milliseconds between two extensions while a handler works. @default a third of the broker's acknowledgement deadline */
  readonly extendEveryMs?: number | undefined;
  /** Which errors of the handler are worth another delivery; the others go to the dead letter topic at once. @default all */
  readonly retryIf?: ((error: unknown) => boolean) | undefined;
  /** Functions around the handler, the first one outermost. @default none */
  readonly middleware?: readonly Middleware[] | undefined;
  /**
   * Deliveries taken beyond those that are handled, so that other keys go on while one waits. 0 for long work that others should get at once when
   * they are free. @default the concurrency
   */
  readonly prefetch?: number | undefined;
  /** Told of each failure: of handlers, and of settling. */
  readonly onError?: ((error: unknown, message: Message | undefined) => void) | undefined;
}

/** A running consumer. */
export interface Consumer extends AsyncDisposable {
  readonly topic: string;
  readonly group: string;
  /** Resolves when what is published from now on will be delivered to the group. */
  ready(): Promise<void>;
  /** Resolves when the consumer has ended; rejects when it could not go on. */
  readonly done: Promise<void>;
  /** Takes nothing more, lets running handlers end until `drainMs` milliseconds, then aborts their signals. @default 30_000 */
  close(options?: QueueCloseOptions): Promise<void>;
}

/** A consumer that runs, and that can be awaited until it is subscribed. */
export interface ConsumerStart extends Consumer, PromiseLike<Consumer> {}

/** The window that `browse` reads. */
export interface BrowseOptions {
  /** Messages that the broker took at this time or later. @default the oldest kept */
  readonly from?: Date | number | undefined;
  /** Messages that the broker took before this time. @default what is there now */
  readonly until?: Date | number | undefined;
  /** The last so many of the window, oldest first. @default all */
  readonly last?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StatsOptions extends QueueCallOptions {
  /** Topic whose `pending` is asked for. @default the queue's `topic` */
  readonly topic?: string | undefined;
  /** Group whose `pending` is asked for. @default the queue's `group` */
  readonly group?: string | undefined;
}

/** Counters of one queue object. What is unknown is left out. */
export interface QueueCounters {
  /** Messages that the broker acknowledged, duplicates among them. */
  readonly published: number;
  /** Publishes that the broker answered with "I have this id already". */
  readonly duplicates: number;
  /** Publishes that certainly failed. */
  readonly rejected: number;
  /** Publishes whose outcome is not known. */
  readonly unknown: number;
  /** Deliveries taken from the broker. */
  readonly consumed: number;
  readonly acked: number;
  readonly nacked: number;
  /** Messages put on a dead letter topic. */
  readonly deadLettered: number;
  /** Messages that failed too often and had no dead letter topic. */
  readonly dropped: number;
  /** Handlers that threw. */
  readonly failed: number;
  /** Copies that dedupe kept from being handled again. */
  readonly suppressed: number;
  /** Publishes and deliveries that are not settled yet. */
  readonly inFlight: number;
  /** Messages that the broker holds for the group; absent where the broker does not say. */
  readonly pending?: number | undefined;
  /** Messages that the broker keeps; absent where the broker does not say. */
  readonly stored?: number | undefined;
}

export interface QueueStats extends QueueCounters {
  /** Where this queue's consumers remember what they handled: the narrowest of their stores. */
  readonly dedupe?: { readonly scope: DedupeStore["scope"]; readonly windowMs: number } | undefined;
  /** Of a queue over several brokers: the sums over them of what is known. */
  readonly total?: Partial<QueueCounters> | undefined;
  /** Of a queue over several brokers: what each of them says. */
  readonly byMember?: Readonly<Record<string, Partial<QueueCounters>>> | undefined;
}

/** Whether a broker answers. */
export interface QueueHealth {
  readonly status: "up" | "degraded" | "down";
  /** Why it is not up. */
  readonly reason?: string | undefined;
  /** Of a queue over several brokers. */
  readonly members?: Readonly<Record<string, QueueHealth>> | undefined;
}

/** How long `close` waits. */
export interface QueueCloseOptions {
  /** Milliseconds that handlers and publishes may take to end. @default 30_000 */
  readonly drainMs?: number | undefined;
}
