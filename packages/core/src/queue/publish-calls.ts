import { wrapError } from "../error.ts";
import { checkCallNames } from "./call-names.ts";
import type { QueueDriver } from "./driver.ts";
import { toMessage } from "./input.ts";
import type { MessageInput } from "./message.ts";
import type { PublishOptions, PublishResult } from "./provider.ts";
import { failureOfMany, failureOfOne, isNotAcked } from "./publish-failure.ts";
import type { Publisher } from "./publisher.ts";
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

  async one(input: MessageInput, options: PublishOptions): Promise<PublishResult> {
    const { message, wire, timeoutMs } = this.#prepare([input], options)[0]!;
    const { signal } = options;
    const { entry, result } = this.#publisher.publishOne(message, wire, timeoutMs);
    const settled = signal ? await this.#orAbort(signal, result, (reason) => this.#publisher.abandon(entry, reason)) : await result;
    if (isNotAcked(settled)) throw failureOfOne(settled);
    return settled;
  }

  async many(inputs: readonly MessageInput[], options: PublishOptions): Promise<readonly PublishResult[]> {
    const items = this.#prepare(inputs, options);
    if (items.length === 0) return [];
    const { signal } = options;
    const { entries, results } = this.#publisher.publishMany(items, items[0]!.timeoutMs);
    const giveUp = (reason: unknown): void => {
      for (const entry of entries) this.#publisher.abandon(entry, reason);
    };
    const settled = signal ? await this.#orAbort(signal, results, giveUp) : await results;
    if (settled.some(isNotAcked)) throw failureOfMany(settled, this.#driver.name);
    return settled;
  }

  /** Everything that can be refused is refused here, before any message is sent. */
  #prepare(inputs: readonly MessageInput[], options: PublishOptions) {
    this.#defaults.admit();
    checkCallNames("publish", options);
    options.signal?.throwIfAborted();
    const timeoutMs = options.timeoutMs === undefined ? this.#defaults.timeoutMs : checkTimeout("timeoutMs", options.timeoutMs);
    const defaults = { topic: options.topic ?? this.#defaults.topic, source: this.#defaults.source, now: this.#defaults.now };
    try {
      return inputs.map((input) => {
        const message = toMessage(input, defaults);
        return { message, wire: this.#publisher.encode(message), timeoutMs };
      });
    } catch (error) {
      throw wrapError(
        error,
        { backend: this.#driver.name, operation: "publish", outcome: "not-applied" },
        this.#driver.classifyError,
      );
    }
  }

  /** Publishes a dead letter; its topic and source are its own. */
  async deadLetter(letter: MessageInput): Promise<void> {
    const message = toMessage(letter, { topic: undefined, source: undefined, now: this.#defaults.now });
    const { result } = this.#publisher.publishOne(message, this.#publisher.encode(message), this.#defaults.timeoutMs);
    const settled = await result;
    if (isNotAcked(settled)) throw failureOfOne(settled);
  }

  async #orAbort<T>(signal: AbortSignal, result: Promise<T>, giveUp: (reason: unknown) => void): Promise<T> {
    const stop = (): void => giveUp(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const settled = await result;
      if (signal.aborted && isGivenUp(settled, signal.reason)) throw signal.reason;
      return settled;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

function isGivenUp(settled: unknown, reason: unknown): boolean {
  const results = (Array.isArray(settled) ? settled : [settled]) as readonly PublishResult[];
  return results.some((result) => isNotAcked(result) && causeOf(result.error) === reason);
}

function causeOf(error: unknown): unknown {
  let last = error;
  while (last instanceof Error && last.cause !== undefined) last = last.cause;
  return last;
}
