import { OmniError } from "@omni/core";
import type { DriverSubscribeOptions } from "@omni/core/queue";
import { ApiError } from "./errors.ts";
import type { ConsumerConfig, ConsumerInfo, JetStream } from "./jetstream.ts";
import type { NatsSettings } from "./options.ts";
import { durableName, subjectOf } from "./subject.ts";

const NANOS = 1_000_000;

/** The durable consumer of a group on a topic: found or made, and never changed. */
export class GroupConsumer {
  readonly name: string;
  readonly #jetstream: JetStream;
  readonly #settings: NatsSettings;
  readonly #topic: string;
  readonly #group: string;
  readonly #from: DriverSubscribeOptions["from"];
  /** Everything up to this sequence number was acknowledged by the group. */
  #floor: number | undefined;
  #ackWaitMs: number;

  constructor(
    jetstream: JetStream,
    settings: NatsSettings,
    topic: string,
    options: Pick<DriverSubscribeOptions, "group" | "from">,
  ) {
    this.#jetstream = jetstream;
    this.#settings = settings;
    this.#topic = topic;
    this.#group = options.group;
    this.#from = options.from;
    this.#ackWaitMs = settings.ackDeadlineMs;
    this.name = durableName(topic, options.group);
  }

  get ackWaitMs(): number {
    return this.#ackWaitMs;
  }

  /**
   * Finds the consumer or makes it. One that was there before and is gone is made anew where the group surely had come to: it may see again what was
   * acknowledged since, and misses nothing.
   */
  async ensure(signal: AbortSignal | undefined): Promise<void> {
    const { stream } = this.#settings;
    const found = await this.#jetstream.consumer(stream, this.name, signal);
    this.#adopt(found ?? (await this.#make(signal)));
  }

  async #make(signal: AbortSignal | undefined): Promise<ConsumerInfo> {
    const { stream, logger } = this.#settings;
    if (this.#floor !== undefined)
      logger.warn({ provider: "nats", topic: this.#topic, group: this.#group }, "the group's consumer is gone: made anew");
    try {
      return await this.#jetstream.createConsumer(stream, this.name, this.#wanted(), signal);
    } catch (error) {
      // Another was faster, and the group may start elsewhere by its word.
      const isThere = error instanceof ApiError && error.errCode === 10148;
      const other = isThere ? await this.#jetstream.consumer(stream, this.name, signal) : undefined;
      if (!other) throw error;
      return other;
    }
  }

  #wanted(): ConsumerConfig {
    const { ackDeadlineMs, maxAckPending, prefix } = this.#settings;
    return {
      ...this.#start(),
      durable_name: this.name,
      ack_policy: "explicit",
      ack_wait: ackDeadlineMs * NANOS,
      filter_subject: subjectOf(prefix, this.#topic),
      // Dead letters are core's: the server would only stop delivering.
      max_deliver: -1,
      max_ack_pending: maxAckPending,
    };
  }

  #start(): Pick<ConsumerConfig, "deliver_policy" | "opt_start_seq" | "opt_start_time"> {
    if (this.#floor !== undefined) return { deliver_policy: "by_start_sequence", opt_start_seq: this.#floor + 1 };
    if (this.#from === "earliest") return { deliver_policy: "all" };
    if (this.#from === "latest") return { deliver_policy: "new" };
    return { deliver_policy: "by_start_time", opt_start_time: new Date(this.#from).toISOString() };
  }

  #adopt({ config, ack_floor }: ConsumerInfo): void {
    const { ackDeadlineMs } = this.#settings;
    const ackWaitMs = Math.floor((config.ack_wait ?? 30_000 * NANOS) / NANOS);
    const differences: string[] = [];
    if (config.ack_policy !== "explicit" || config.deliver_subject)
      differences.push("it is no pull consumer with explicit acknowledgement");
    if (ackWaitMs < ackDeadlineMs) differences.push(`its ack_wait is ${ackWaitMs} ms: set ackDeadlineMs: ${ackWaitMs}`);
    if (config.max_deliver !== undefined && config.max_deliver > 0) {
      differences.push(`it delivers at most ${config.max_deliver} times and then drops the message: set its max_deliver to -1`);
    }
    if (differences.length > 0) {
      const reason = `the consumer "${this.name}" of the group exists and is not changed, but ${differences.join("; and ")}; or delete it, and the group starts anew`;
      throw new OmniError("INVALID_ARGUMENT", { reason });
    }
    this.#ackWaitMs = ackWaitMs;
    this.#floor = Math.max(this.#floor ?? 0, ack_floor.stream_seq);
  }
}
