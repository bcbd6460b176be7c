import { OmniError } from "@omni/core";
import type { DriverPublishOptions, PublishOutcome, WireMessage } from "@omni/core/queue";
import type { KafkaClient, PartitionInfo } from "./client.ts";
import { isWorthRetrying, waitBeforeRetry } from "./connection.ts";
import { isMissingTopic } from "./errors.ts";
import { KeepAlive } from "./keep-alive.ts";
import type { KafkaSettings } from "./options.ts";
import { PartitionLane } from "./partition-lane.ts";
import { Producers } from "./producers.ts";
import { Item, Job } from "./publish-job.ts";
import { sizeOfRecord, toOutgoing } from "./record.ts";
import type { Topics } from "./topics.ts";

/** What was published before the topic's partitions were known, in order. */
interface Intake {
  readonly jobs: Job[];
}

/**
 * Publishes. Each partition has a lane: one batch at a time, and what comes meanwhile is the next batch. So the order of calls is the order in the
 * log, and the sequence numbers of the idempotent producer are never used twice: with several sends at once kafkajs gives out the same ones, and
 * the broker drops all but one as copies (https://github.com/tulios/kafkajs/issues/1005, https://github.com/tulios/kafkajs/issues/598).
 */
export class Sender {
  readonly #client: KafkaClient;
  readonly #topics: Topics;
  readonly #settings: KafkaSettings;
  readonly #producers: Producers;
  readonly #lanes = new Map<string, PartitionLane>();
  readonly #intakes = new Map<string, Intake>();
  readonly #keepAlive = new KeepAlive();
  readonly #open = new Set<Job>();
  readonly #ended = (job: Job): void => {
    this.#open.delete(job);
    this.#keepAlive.release();
  };
  /** Messages that the client does not have yet. */
  #waiting = 0;

  constructor(client: KafkaClient, topics: Topics, settings: KafkaSettings) {
    this.#client = client;
    this.#topics = topics;
    this.#settings = settings;
    this.#producers = new Producers(client, settings, (error) =>
      settings.logger.debug({ error: String(error) }, "a producer ended late"),
    );
  }

  publish(topic: string, batch: readonly WireMessage[], options: DriverPublishOptions): Promise<readonly PublishOutcome[]> {
    const left = this.#settings.maxWaiting - this.#waiting;
    if (options.waitForRoom === false && this.#waiting > 0 && batch.length > left)
      return Promise.resolve(batch.map(() => this.#full()));
    this.#keepAlive.hold();
    const job = new Job(batch, options, this.#ended);
    if (!job.isSettled) this.#open.add(job);
    this.#waiting += batch.length;
    const partitions = this.#topics.known(topic);
    const intake = this.#intakes.get(topic);
    if (intake) intake.jobs.push(job);
    else if (partitions) this.#enqueue(topic, partitions, job);
    else this.#openIntake(topic, job);
    return job.done;
  }

  /** Connects a producer. */
  async ready(): Promise<void> {
    this.#producers.leave(await this.#producers.take(), false);
  }

  /** Waits for what is in flight: `disconnect` of kafkajs does not, https://github.com/tulios/kafkajs/issues/879. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((job) => job.done));
    await this.#producers.close();
    this.#keepAlive.end();
  }

  #full(): PublishOutcome {
    const { maxWaiting } = this.#settings;
    const reason = `${this.#waiting} messages wait here for the batches before them, and at most ${maxWaiting} may: publish less at once, or raise \`maxWaiting\``;
    return { state: "rejected", error: new OmniError("QUEUE_FULL", { reason, retryable: true, outcome: "not-applied" }) };
  }

  #openIntake(topic: string, job: Job): void {
    const intake: Intake = { jobs: [job] };
    this.#intakes.set(topic, intake);
    void this.#admit(topic, intake);
  }

  async #admit(topic: string, intake: Intake): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        const partitions = await this.#topics.find(topic);
        this.#intakes.delete(topic);
        for (const job of intake.jobs) this.#enqueue(topic, partitions, job);
        return;
      } catch (error) {
        // Nothing of it was handed to a broker.
        for (const job of intake.jobs) if (!isWorthRetrying(this.#client, error)) job.reject(error);
        if (intake.jobs.every((job) => job.isSettled)) {
          this.#intakes.delete(topic);
          for (const { batch } of intake.jobs) this.#waiting -= batch.length;
          return;
        }
        await waitBeforeRetry(attempt, this.#settings.clock);
      }
    }
  }

  #enqueue(topic: string, partitions: readonly PartitionInfo[], job: Job): void {
    const time = this.#settings.clock.now();
    const touched = new Set<PartitionLane>();
    let without: number | undefined;
    for (const [index, message] of job.batch.entries()) {
      const { key } = message;
      // Messages without a key stay together: one batch is faster than many.
      without ??= key === undefined ? this.#client.choosePartition(topic, undefined, partitions) : undefined;
      const partition = key === undefined ? (without as number) : this.#client.choosePartition(topic, Buffer.from(key), partitions);
      const lane = this.#laneOf(topic, partition);
      lane.add(new Item(job, index, toOutgoing(message, time), sizeOfRecord(message)));
      touched.add(lane);
    }
    for (const lane of touched) lane.start();
  }

  #laneOf(topic: string, partition: number): PartitionLane {
    const name = `${partition}/${topic}`;
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = new PartitionLane({
        topic,
        partition,
        client: this.#client,
        producers: this.#producers,
        settings: this.#settings,
        onTaken: (messages) => {
          this.#waiting -= messages;
        },
        onMissing: (error) => this.#restore(topic, error),
      });
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** The topic is gone, or not known yet to this broker. @throws when it is not there and not to be created */
  async #restore(topic: string, error: unknown): Promise<void> {
    if (!isMissingTopic(error)) return;
    this.#topics.forget(topic);
    try {
      await this.#topics.find(topic);
    } catch (missing) {
      if (isMissingTopic(missing))
        throw new OmniError("NOT_FOUND", { reason: "the topic was deleted: create it again", cause: missing });
    }
  }
}
