import { wrapError } from "../error.ts";
import { checkCallNames } from "./call-names.ts";
import type { QueueDriver } from "./driver.ts";
import type { WireMessage } from "./envelope.ts";
import { type MessageDefaults, toMessage } from "./input.ts";
import type { Message, MessageInput } from "./message.ts";
import type { PublishEntry } from "./parcel.ts";
import type { PublishOptions, PublishResult } from "./provider.ts";
import { failureOfMany, failureOfOne, isNotAcked } from "./publish-failure.ts";
import type { Publisher, PublishTimes } from "./publisher.ts";
import { checkTimeout } from "./queue-options.ts";

/** What a queue gives messages and calls that do not say it themselves. */
export interface PublishDefaults {
  readonly topic: string | undefined;
  readonly source: string | undefined;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** Throws when the queue takes nothing more. */
  readonly admit: () => void;
}

/** The calls of `publish`: from what an application gives to a result, or to an error that carries the messages. */
export class PublishCalls {
  readonly #driver: QueueDriver;
  readonly #publisher: Publisher;
  readonly #defaults: PublishDefaults;

  constructor(driver: QueueDriver, publisher: Publisher, defaults: PublishDefaults) {
    this.#driver = driver;
    this.#publisher = publisher;
    this.#defaults = defaults;
  }

  // Not async: where the driver's answer is at hand a publish costs one promise, the caller's.
  one(input: MessageInput, options: PublishOptions): Promise<PublishResult> {
    try {
      const call = this.#admit(options);
      const { message, wire } = this.#prepare(input, call);
      const entry = this.#publisher.publishOne(message, wire, call);
      const { signal } = options;
      if (entry.result) return Promise.resolve(ackedOnly(entry.result));
      return (signal ? this.#orAbort(signal, entry.end(), [entry]) : entry.end()).then(ackedOnly);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async many(inputs: readonly MessageInput[], options: PublishOptions): Promise<readonly PublishResult[]> {
    const call = this.#admit(options);
    const items = inputs.map((input) => this.#prepare(input, call));
    const entries = this.#publisher.publishMany(items, call);
    const atHand = entries.flatMap(({ result }) => result ?? []);
    const results = atHand.length === entries.length ? atHand : await this.#endOfAll(entries, options.signal);
    if (results.some(isNotAcked)) throw failureOfMany(results, this.#driver.name);
    return results;
  }

  /** Publishes a dead letter; its topic and source are its own. */
  async deadLetter(letter: MessageInput): Promise<void> {
    const { timeoutMs } = this.#defaults;
    const call = { topic: undefined, source: undefined, timeoutMs, now: this.#defaults.now() };
    const message = toMessage(letter, call);
    ackedOnly(await this.#publisher.publishOne(message, this.#publisher.encode(message), call).end());
  }

  /** What of a call can be refused whatever its messages are. */
  #admit(options: PublishOptions): PublishTimes & MessageDefaults {
    this.#defaults.admit();
    checkCallNames("publish", options);
    options.signal?.throwIfAborted();
    const timeoutMs = options.timeoutMs === undefined ? this.#defaults.timeoutMs : checkTimeout("timeoutMs", options.timeoutMs);
    const { source, now } = this.#defaults;
    return { topic: options.topic ?? this.#defaults.topic, source, timeoutMs, now: now() };
  }

  /** Everything that can be refused is refused here, before any message is sent. */
  #prepare(input: MessageInput, defaults: MessageDefaults): { readonly message: Message; readonly wire: WireMessage } {
    try {
      const message = toMessage(input, defaults);
      return { message, wire: this.#publisher.encode(message) };
    } catch (error) {
      const { name, classifyError } = this.#driver;
      throw wrapError(error, { backend: name, operation: "publish", outcome: "not-applied" }, classifyError);
    }
  }

  #endOfAll(entries: readonly PublishEntry[], signal: AbortSignal | undefined): Promise<readonly PublishResult[]> {
    const end = Promise.all(entries.map((entry) => entry.end()));
    return signal ? this.#orAbort(signal, end, entries) : end;
  }

  /** Waits for the end of messages; when the caller gives up they end at once. */
  async #orAbort<T extends PublishResult | readonly PublishResult[]>(
    signal: AbortSignal,
    end: Promise<T>,
    entries: readonly PublishEntry[],
  ): Promise<T> {
    const stop = (): void => {
      for (const entry of entries) this.#publisher.abandon(entry, signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      const settled = await end;
      if (signal.aborted && isGivenUp(settled, signal.reason)) throw signal.reason;
      return settled;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

function ackedOnly(result: PublishResult): PublishResult {
  if (isNotAcked(result)) throw failureOfOne(result);
  return result;
}

function isGivenUp(settled: PublishResult | readonly PublishResult[], reason: unknown): boolean {
  const results = (Array.isArray(settled) ? settled : [settled]) as readonly PublishResult[];
  return results.some((result) => isNotAcked(result) && causeOf(result.error) === reason);
}

function causeOf(error: unknown): unknown {
  let last = error;
  while (last instanceof Error && last.cause !== undefined) last = last.cause;
  return last;
}
