import { setMaxListeners } from "node:events";
import type { Clock } from "../clock.ts";
import { OmniError, wrapError } from "../error.ts";
import type { Logger } from "../logger.ts";
import { toBackoff } from "./backoff.ts";
import { checkCount, checkMs } from "./check.ts";
import type { Counters } from "./counters.ts";
import { toDeadLetter } from "./dead-letter.ts";
import { type QueueOperation, queueChannel, tracedQueue } from "./diagnostics.ts";
import type { QueueFeatures } from "./features.ts";
import type { HandlerContext } from "./handler.ts";
import type { Message, MessageInput } from "./message.ts";
import { dedupe } from "./once.ts";
import type { ConsumeOptions, Consumer, Handler, QueueCloseOptions } from "./provider.ts";
import type { OpenDelivery, OpenSubscription } from "./subscription.ts";
import { Task, TaskLanes } from "./task-lanes.ts";

/** What a consumer works with. */
export interface ConsumerParts {
  readonly name: string;
  readonly subscription: OpenSubscription;
  readonly handler: Handler;
  readonly options: ConsumeOptions;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly features: QueueFeatures;
  /** Publishes a dead letter; rejects unless the broker has it. */
  deadLetter(letter: MessageInput): Promise<void>;
  onClose(consumer: RunningConsumer): void;
}

/** Default of `drainMs`, in milliseconds. */
export const DRAIN_MS = 30_000;

// A message that is delivered so many times more often than it may fail kills its process before it can fail.
const CRASH_FACTOR = 4;

/** Runs a handler over a subscription. */
export class RunningConsumer implements Consumer {
  readonly topic: string;
  readonly group: string;
  readonly #parts: ConsumerParts;
  readonly #handler: Handler;
  readonly #lanes: TaskLanes;
  readonly #backoff: (attempt: number) => number;
  readonly #maxDeliveries: number;
  readonly #deadLetter: string | false;
  readonly #drained = new AbortController();
  readonly #stop = (): void => {
    this.close().catch((error) => this.#report(error, undefined));
  };
  readonly #ready: Promise<void>;
  readonly #done: Promise<void>;
  #extending: unknown;
  #closing: Promise<void> | undefined;
  /** Nothing more is begun. */
  #halted = false;

  constructor(parts: ConsumerParts) {
    const { options, subscription } = parts;
    this.#parts = parts;
    this.topic = subscription.topic;
    this.group = subscription.group;
    this.#backoff = toBackoff(options.backoff);
    this.#deadLetter = options.deadLetter ?? (isDeadLetterTopic(this.topic) ? false : `${this.topic}.dlq`);
    const forever = options.deadLetter === undefined && isDeadLetterTopic(this.topic);
    const maxDeliveries = options.maxDeliveries ?? (forever ? Number.POSITIVE_INFINITY : 5);
    this.#maxDeliveries = maxDeliveries === Number.POSITIVE_INFINITY ? maxDeliveries : checkCount("maxDeliveries", maxDeliveries);
    if (this.#deadLetter === this.topic) {
      throw new OmniError("INVALID_ARGUMENT", { reason: `deadLetter is the topic "${this.topic}" itself: name another` });
    }
    this.#handler = this.#compose();
    this.#lanes = new TaskLanes(checkCount("concurrency", options.concurrency ?? 1), (task) => this.#run(task));
    this.#ready = subscription.ready();
    this.#done = this.#pump();
    this.#done.catch(() => undefined);
    if (options.onError) this.#told();
    this.#extendHeld();
    // Every handler may listen to it.
    setMaxListeners(0, this.#drained.signal);
    options.signal?.addEventListener("abort", this.#stop, { once: true });
    if (options.signal?.aborted) this.#stop();
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  get done(): Promise<void> {
    this.#told();
    return this.#done;
  }

  /** Handlers that run now. */
  get running(): number {
    return this.#lanes.running;
  }

  close(options: QueueCloseOptions = {}): Promise<void> {
    this.#told();
    this.#closing ??= this.#close(checkMs("drainMs", options.drainMs ?? DRAIN_MS));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Somebody learns of a failure to subscribe; until then it is an unhandled rejection, as of any promise that nobody awaits. */
  #told(): void {
    this.#ready.catch(() => undefined);
  }

  #compose(): Handler {
    const { options, counters, clock } = this.#parts;
    const onSuppressed = (): void => {
      counters.suppressed += 1;
    };
    const middleware = [
      ...(options.dedupe ? [dedupe(options.dedupe, { clock, onSuppressed })] : []),
      ...(options.middleware ?? []),
    ];
    return middleware.reduceRight((next, around) => around(next), this.#parts.handler);
  }

  async #pump(): Promise<void> {
    const { subscription } = this.#parts;
    try {
      for (let delivery = await subscription.take(); delivery; delivery = subscription.poll() ?? (await subscription.take())) {
        if (this.#halted) break;
        this.#lanes.add(new Task(delivery));
      }
    } catch (error) {
      this.#report(error, undefined);
      await this.#end();
      throw error;
    }
    await this.#end();
  }

  // Not `close`: that would hide from an application that never looked that the subscription failed.
  async #end(): Promise<void> {
    this.#closing ??= this.#close(DRAIN_MS);
    await this.#closing;
  }

  /** One attempt of one message; the lanes call it when it is the message's turn. What ends at once costs no promise. */
  #run(task: Task): void {
    const { delivery } = task;
    if (delivery.source.owned?.() === false) {
      this.#lanes.finish(task);
      return;
    }
    if (task.attempt > this.#maxDeliveries * CRASH_FACTOR) {
      const reason = `delivered ${task.attempt} times and never settled: its handler seems to end its process`;
      void this.#bury(task, new OmniError("UNKNOWN", { operation: "consume", topic: this.topic, reason }));
      return;
    }
    let result: unknown;
    try {
      result = this.#handle(task);
    } catch (error) {
      void this.#fail(task, error);
      return;
    }
    if (!isThenable(result)) this.#acknowledge(task);
    else
      Promise.resolve(result).then(
        () => this.#acknowledge(task),
        (error) => this.#fail(task, error),
      );
  }

  #acknowledge(task: Task): void {
    let word: Promise<void> | void;
    try {
      word = task.delivery.acknowledge();
    } catch (error) {
      word = Promise.reject(error);
    }
    if (!word) {
      this.#lanes.finish(task);
      return;
    }
    // Not settled: the broker delivers it again.
    void word.catch((error) => this.#report(error, task.delivery.message)).then(() => this.#lanes.finish(task));
  }

  #handle(task: Task): unknown {
    const { message } = task.delivery;
    const context = new TaskContext(task, this.group, this.#drained.signal);
    if (!queueChannel.hasSubscribers) return this.#handler(message, context);
    const { topic, group } = this;
    const { id, metadata } = message;
    const operation: QueueOperation = {
      provider: this.#parts.name,
      operation: "consume",
      topic,
      group,
      id,
      count: 1,
      attempt: task.attempt,
      metadata,
    };
    return tracedQueue(operation, async () => this.#handler(message, context));
  }

  async #fail(task: Task, error: unknown): Promise<void> {
    const { options } = this.#parts;
    // Ended by `close` or by the loss of the message: not the handler's failure, and no delivery that counts.
    if (this.#drained.signal.aborted || task.delivery.source.signal?.aborted) return this.#settle(task, () => task.delivery.nack());
    this.#parts.counters.failed += 1;
    this.#report(error, task.delivery.message);
    if (task.attempt >= this.#maxDeliveries || options.retryIf?.(error) === false) return this.#bury(task, error);
    await this.#again(task, this.#backoff(task.attempt));
  }

  async #again(task: Task, delayMs: number): Promise<void> {
    const { options, clock, features } = this.#parts;
    const retry = options.retry ?? (task.key === undefined ? "requeue" : "in-place");
    // Where nothing comes again by itself, what is given back is lost.
    if (retry === "requeue" && features.delivery === "at-least-once")
      return this.#settle(task, () => task.delivery.nack({ delayMs }));
    task.retries += 1;
    this.#lanes.rest();
    if (this.#closing) return;
    task.timer = clock.setTimeout(() => {
      task.timer = undefined;
      this.#lanes.resume(task);
    }, delayMs);
  }

  async #bury(task: Task, error: unknown): Promise<void> {
    const { message } = task.delivery;
    if (this.#deadLetter === false) {
      this.#parts.counters.dropped += 1;
      this.#parts.logger.warn(
        {
          topic: this.topic,
          id: message.id,
        },
        "a message failed too often and has no dead letter topic: dropped",
      );
      return this.#settle(task, () => task.delivery.term("failed too often"));
    }
    const failure = { error, attempts: task.attempt, topic: this.topic, group: this.group };
    try {
      await this.#parts.deadLetter(toDeadLetter(message, failure, this.#deadLetter));
    } catch (refused) {
      // It stays on its own topic until the dead letter topic takes it.
      this.#report(refused, message);
      return this.#settle(task, () => task.delivery.nack({ delayMs: this.#backoff(task.attempt) }));
    }
    this.#parts.counters.deadLettered += 1;
    await this.#settle(task, () => task.delivery.term("dead letter"));
  }

  async #settle(task: Task, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      // Not settled: the broker delivers it again.
      this.#report(error, task.delivery.message);
    }
    this.#lanes.finish(task);
  }

  async #close(drainMs: number): Promise<void> {
    const { subscription, clock, options } = this.#parts;
    options.signal?.removeEventListener("abort", this.#stop);
    try {
      // What was handed over before, and is on its way here, is handled.
      await subscription.stop().finally(() => this.#halt());
      if (this.#lanes.running > 0) await this.#drain(drainMs);
    } finally {
      clock.clearTimeout(this.#extending);
      this.#drained.abort(
        new OmniError("BACKEND_CLOSED", { operation: "consume", topic: this.topic, reason: "the consumer was closed" }),
      );
      await subscription.close();
      this.#parts.onClose(this);
    }
  }

  #halt(): void {
    this.#halted = true;
    this.#lanes.halt();
    for (const task of this.#lanes.held()) if (task.timer !== undefined) this.#parts.clock.clearTimeout(task.timer);
  }

  /** Waits for the handlers that run; past the time their signals abort, and they get one more turn to give up. */
  async #drain(drainMs: number): Promise<void> {
    const { clock, logger } = this.#parts;
    const idle = this.#lanes.idle();
    let timer: unknown;
    const over = new Promise<"over">((resolve) => {
      timer = clock.setTimeout(() => resolve("over"), drainMs);
    });
    const ended = await Promise.race([idle, over]);
    clock.clearTimeout(timer);
    if (ended !== "over") return;
    logger.warn(
      {
        topic: this.topic,
        running: this.#lanes.running,
      },
      "handlers did not end within the drain time: their messages go back to the broker",
    );
    this.#drained.abort(
      new OmniError("BACKEND_CLOSED", {
        operation: "consume",
        topic: this.topic,
        reason: `the drain time of ${drainMs} ms is over`,
      }),
    );
    await Promise.race([idle, new Promise((resolve) => setImmediate(resolve))]);
  }

  /** Keeps what this consumer holds, running or waiting for its turn. */
  #extendHeld(): void {
    const { options, features, clock } = this.#parts;
    const { ackDeadlineMs } = features;
    const everyMs = options.extendEveryMs ?? (ackDeadlineMs === undefined ? undefined : Math.max(1, ackDeadlineMs / 3));
    if (everyMs === undefined) return;
    const extend = (): void => {
      for (const task of this.#lanes.held()) task.delivery.extend().catch((error) => this.#report(error, task.delivery.message));
      this.#extending = clock.setTimeout(extend, everyMs);
    };
    this.#extending = clock.setTimeout(extend, everyMs);
  }

  #report(error: unknown, message: Message | undefined): void {
    const { logger, name, options } = this.#parts;
    const wrapped = wrapError(error, { backend: name, operation: "consume", topic: this.topic });
    logger.warn({ provider: name, topic: this.topic, id: message?.id, error: wrapped.message }, "consume failed");
    options.onError?.(error, message);
  }
}

/** The context of one attempt; what it has is made when asked for. */
class TaskContext implements HandlerContext {
  readonly topic: string;
  readonly group: string;
  readonly attempt: number;
  readonly dedupe = undefined;
  readonly #delivery: OpenDelivery;
  readonly #drained: AbortSignal;

  constructor(task: Task, group: string, drained: AbortSignal) {
    this.topic = task.delivery.message.topic;
    this.group = group;
    this.attempt = task.attempt;
    this.#delivery = task.delivery;
    this.#drained = drained;
  }

  get signal(): AbortSignal {
    const lost = this.#delivery.source.signal;
    return lost ? AbortSignal.any([lost, this.#drained]) : this.#drained;
  }

  extend(): Promise<void> {
    return this.#delivery.extend();
  }
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === "object" && result !== null && typeof (result as { then?: unknown }).then === "function";
}

function isDeadLetterTopic(topic: string): boolean {
  return topic.endsWith(".dlq");
}
