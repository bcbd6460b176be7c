import { type Clock, type Logger, OmniError } from "@omni/core";
import type { ClientConsumer, ConsumerListener, KafkaClient } from "./client.ts";
import { isWorthRetrying, waitBeforeRetry } from "./connection.ts";
import { isFatal } from "./errors.ts";
import type { KafkaSettings } from "./options.ts";

/** How long a consumer may take to leave before it is left to itself: https://github.com/tulios/kafkajs/issues/852 */
const STOP_MS = 5_000;

/** What a member tells beside what its consumer does. */
export interface MemberListener extends Omit<ConsumerListener, "onCrash" | "onActivity"> {
  /** A new consumer took the place of one that ended: what the former had is lost. */
  onRestart(reason: string): void;
  /** It cannot go on: somebody has to change something. */
  onEnd(error: unknown): void;
}

/**
 * One member of a group, whatever becomes of its consumers: a consumer that crashes, or that shows no sign of life, is stopped and another one takes
 * its place. An object that crashed is never started again: it may go on fetching beside the new one (https://github.com/tulios/kafkajs/issues/1593,
 * https://github.com/tulios/kafkajs/issues/1122).
 */
export class Member {
  readonly #client: KafkaClient;
  readonly #settings: KafkaSettings;
  readonly #group: string;
  readonly #topic: string;
  readonly #listener: MemberListener;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  #consumer: ClientConsumer | undefined;
  #alive = 0;
  #watchdog: unknown;
  #restarting = false;
  #joined = false;

  constructor(client: KafkaClient, settings: KafkaSettings, group: string, topic: string, listener: MemberListener) {
    this.#client = client;
    this.#settings = settings;
    this.#group = group;
    this.#topic = topic;
    this.#listener = listener;
    this.#clock = settings.clock;
    this.#logger = settings.logger;
  }

  /** Begins to join; `onJoin` says when it has, `onEnd` that it cannot. */
  start(): void {
    void this.#begin(0);
    this.#watch();
  }

  seek(partition: number, offset: number): void {
    this.#consumer?.seek(partition, offset);
  }

  /** @throws when there is no consumer now, or the broker refuses */
  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    if (!this.#consumer) throw new OmniError("UNAVAILABLE", { reason: "the consumer is being restarted" });
    await this.#consumer.commit(offsets);
  }

  pause(): void {
    try {
      this.#consumer?.pause();
    } catch (error) {
      // Between two consumers there is nothing to pause.
      this.#logger.debug({ error: String(error) }, "pausing a consumer that does not run");
    }
  }

  /** Something went wrong outside of the consumer: another one has to join. */
  restart(error: unknown): void {
    const consumer = this.#consumer;
    if (consumer) this.#crashed(consumer, error);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#clock.clearTimeout(this.#watchdog);
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer) await this.#leave(consumer);
  }

  async #begin(attempt: number): Promise<void> {
    const { signal } = this.#stopping;
    const consumer = this.#make(() => consumer);
    this.#consumer = consumer;
    this.#alive = this.#clock.now();
    try {
      await consumer.start(this.#topic);
    } catch (error) {
      if (signal.aborted || this.#consumer !== consumer) return;
      this.#consumer = undefined;
      void this.#leave(consumer);
      await this.#again(error, attempt);
    }
  }

  async #again(error: unknown, attempt: number): Promise<void> {
    const { signal } = this.#stopping;
    if (isFatal(error) || (!this.#joined && !isWorthRetrying(this.#client, error))) {
      this.#clock.clearTimeout(this.#watchdog);
      this.#listener.onEnd(error);
      return;
    }
    this.#logger.warn({ topic: this.#topic, group: this.#group, error: String(error) }, "a consumer ended, another one starts");
    try {
      await waitBeforeRetry(attempt, this.#clock, signal);
    } catch {
      // Stopped meanwhile.
      return;
    }
    await this.#begin(attempt + 1);
  }

  #make(self: () => ClientConsumer): ClientConsumer {
    const listener = this.#listener;
    const isCurrent = (): boolean => this.#consumer === self();
    return this.#client.consumer({
      group: this.#group,
      onJoin: (partitions, memberId) => {
        if (!isCurrent()) return;
        this.#joined = true;
        this.#alive = this.#clock.now();
        listener.onJoin(partitions, memberId);
      },
      onRebalancing: () => isCurrent() && listener.onRebalancing(),
      onBatch: async (batch) => {
        if (isCurrent()) await listener.onBatch(batch);
      },
      onPassed: (partition, last) => isCurrent() && listener.onPassed(partition, last),
      onActivity: () => {
        if (isCurrent()) this.#alive = this.#clock.now();
      },
      onCrash: (error) => this.#crashed(self(), error),
    });
  }

  #crashed(consumer: ClientConsumer, error: unknown): void {
    if (this.#consumer !== consumer || this.#restarting) return;
    this.#restarting = true;
    this.#consumer = undefined;
    this.#listener.onRestart(error instanceof Error ? error.message : String(error));
    void this.#leave(consumer).then(() => {
      this.#restarting = false;
      return this.#stopping.signal.aborted ? undefined : this.#again(error, 0);
    });
  }

  async #leave(consumer: ClientConsumer): Promise<void> {
    let timer: unknown;
    const over = new Promise<"over">((resolve) => {
      timer = this.#clock.setTimeout(() => resolve("over"), STOP_MS);
    });
    const details = { topic: this.#topic, group: this.#group };
    const left = consumer
      .stop()
      .catch((error) => this.#logger.debug({ ...details, error: String(error) }, "leaving the group failed"));
    if ((await Promise.race([left, over])) === "over") this.#logger.warn(details, "a consumer does not stop: it is left to itself");
    this.#clock.clearTimeout(timer);
  }

  // Consumers were seen to stop without a word: https://github.com/tulios/kafkajs/issues/1613
  #watch(): void {
    const { watchdogMs } = this.#settings;
    this.#watchdog = this.#clock.setTimeout(() => {
      const silentMs = this.#clock.now() - this.#alive;
      if (silentMs >= watchdogMs) this.restart(new Error(`the consumer showed no sign of life for ${silentMs} ms`));
      if (!this.#stopping.signal.aborted) this.#watch();
    }, watchdogMs / 4);
  }
}
