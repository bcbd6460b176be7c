import { type Clock, delay, OmniError } from "@omni/core";
import type { ClientAdmin, PartitionInfo } from "./client.ts";
import type { AdminConnection } from "./connection.ts";
import { isFatal, isMissingTopic } from "./errors.ts";
import type { KafkaSettings } from "./options.ts";

type Partitions = readonly PartitionInfo[];

/** How long a list of partitions is believed, as in Java clients (metadata.max.age.ms). */
const MAX_AGE_MS = 300_000;
/** How long brokers may take to hear of a new topic. */
const PROPAGATION_MS = 10_000;
const NAME = /^[A-Za-z0-9._-]{1,249}$/;

/** @throws OmniError INVALID_ARGUMENT for a name that no Kafka takes */
export function checkTopicName(topic: string): void {
  if (NAME.test(topic) && topic !== "." && topic !== "..") return;
  const reason = `Kafka takes 1 to 249 of a-z A-Z 0-9 . _ - as a topic, not ${JSON.stringify(topic.slice(0, 260))}`;
  throw new OmniError("INVALID_ARGUMENT", { reason, outcome: "not-applied" });
}

/** Which partitions topics have; creates topics that are missing where that is wanted. */
export class Topics {
  readonly #admin: AdminConnection;
  readonly #settings: KafkaSettings;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly partitions: Partitions; readonly at: number }>();
  readonly #asked = new Map<string, Promise<Partitions>>();

  constructor(admin: AdminConnection, settings: KafkaSettings) {
    this.#admin = admin;
    this.#settings = settings;
    this.#clock = settings.clock;
  }

  /** The partitions, if they were asked for lately. */
  known(topic: string): Partitions | undefined {
    const found = this.#known.get(topic);
    return found && this.#clock.now() - found.at < MAX_AGE_MS ? found.partitions : undefined;
  }

  /** @throws NOT_FOUND when the topic is missing and not to be created */
  find(topic: string): Promise<Partitions> {
    const known = this.known(topic);
    if (known) return Promise.resolve(known);
    let asked = this.#asked.get(topic);
    if (!asked) {
      asked = this.#ask(topic).finally(() => this.#asked.delete(topic));
      this.#asked.set(topic, asked);
    }
    return asked;
  }

  forget(topic: string): void {
    this.#known.delete(topic);
  }

  async #ask(topic: string): Promise<Partitions> {
    const { createTopics, topic: plan } = this.#settings;
    const partitions = await this.#admin.ask(async (admin) => {
      try {
        return await admin.partitionsOf(topic);
      } catch (error) {
        if (!createTopics || !isMissingTopic(error)) throw error;
      }
      await admin.createTopic(topic, plan);
      return this.#heardOf(admin, topic);
    });
    if (partitions.length === 0) throw new OmniError("UNAVAILABLE", { reason: "the topic has no partitions yet" });
    this.#known.set(topic, { partitions, at: this.#clock.now() });
    return partitions;
  }

  /** Brokers hear of a new topic one after the other. */
  async #heardOf(admin: ClientAdmin, topic: string): Promise<Partitions> {
    const end = this.#clock.now() + PROPAGATION_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        const partitions = await admin.partitionsOf(topic);
        if (partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) return partitions;
      } catch (error) {
        if (isFatal(error) && !isMissingTopic(error)) throw error;
        if (this.#clock.now() >= end) throw error;
      }
      if (this.#clock.now() >= end) throw new OmniError("UNAVAILABLE", { reason: "the topic was created and has no leaders yet" });
      await delay(Math.min(200, 10 * 2 ** attempt), this.#clock);
    }
  }
}
