import { type Clock, OmniError } from "@omni/core";
import type { DriverDelivery, DriverSubscribeOptions, DriverSubscription } from "@omni/core/queue";
import type { ClientBatch, IncomingRecord, KafkaClient } from "./client.ts";
import { Committer } from "./committer.ts";
import type { AdminConnection } from "./connection.ts";
import { type DeliveryOwner, KafkaDelivery } from "./delivery.ts";
import { Member } from "./member.ts";
import type { KafkaSettings } from "./options.ts";
import { Partition } from "./partition.ts";
import { ReadyLine } from "./ready-line.ts";

// A batch that waits has to look after its membership.
const BEAT_MS = 500;

/** What a subscription works with. */
export interface SubscriptionParts {
  readonly client: KafkaClient;
  readonly admin: AdminConnection;
  readonly settings: KafkaSettings;
  readonly topic: string;
  readonly options: DriverSubscribeOptions;
  onClose(subscription: KafkaSubscription): void;
}

/**
 * A member of a group and what it has fetched. Messages wait here until they are asked for; one that is to come again waits here too, so that no
 * other has to wait for it, neither behind it in its partition nor on another topic. A batch waits in its partition when enough waits here.
 */
export class KafkaSubscription implements DriverSubscription, DeliveryOwner {
  readonly #parts: SubscriptionParts;
  readonly #clock: Clock;
  readonly #member: Member;
  readonly #committer: Committer;
  readonly #partitions = new Map<number, Partition>();
  readonly #ready = new ReadyLine();
  readonly #room = new Map<Partition, PromiseWithResolvers<void>>();
  readonly #joined: Promise<void>;
  #resolveJoined!: () => void;
  #rejectJoined!: (error: unknown) => void;
  #hasJoined = false;
  #memberId: string | undefined;
  #sequence = 0;
  #out = 0;
  #waiter: { resolve(delivery: DriverDelivery | undefined): void; reject(error: unknown): void } | undefined;
  #failure: { readonly error: unknown } | undefined;
  #stopped = false;
  #closing: Promise<void> | undefined;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#clock = parts.settings.clock;
    this.#joined = new Promise((resolve, reject) => {
      this.#resolveJoined = resolve;
      this.#rejectJoined = reject;
    });
    this.#joined.catch(() => undefined);
    this.#member = new Member(parts.client, parts.settings, parts.options.group, parts.topic, {
      onJoin: (partitions, memberId) => this.#join(partitions, memberId),
      onRebalancing: () => this.#committer.flushSoon(),
      onBatch: (batch) => this.#receive(batch),
      onPassed: (partition, last) => this.#partitions.get(partition)?.pass(last + 1),
      onRestart: (reason) => this.#restarted(reason),
      onEnd: (error) => this.#end(error),
    });
    this.#committer = new Committer(this.#member, this.#partitions, parts.settings);
  }

  /** Joins, and waits until it is known where each partition is read from. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    const abort = (): void => this.#rejectJoined(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    else this.#member.start();
    try {
      await this.#joined;
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  next(): Promise<DriverDelivery | undefined> {
    if (this.#failure) return Promise.reject(this.#failure.error);
    if (this.#stopped) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#hand();
    });
  }

  poll(): DriverDelivery | undefined {
    // What comes again lets timers and sockets have their turn first: that is `next`.
    if (this.#stopped || this.#failure || this.#out >= this.#parts.options.maxInFlight || this.#ready.first?.attempt !== 1) return;
    return this.#give();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#member.pause();
    this.#waiter?.resolve(undefined);
    this.#waiter = undefined;
    for (const partition of this.#partitions.values()) {
      for (const delivery of partition.open()) this.#clock.clearTimeout(delivery.timer);
    }
    this.#ready.clear();
    this.#makeRoom();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  settle(delivery: KafkaDelivery): void {
    delivery.state = "over";
    this.#out -= 1;
    delivery.partition.remove(delivery);
    this.#committer.later();
    this.#makeRoom();
    this.#hand();
  }

  giveBack(delivery: KafkaDelivery, delayMs: number): void {
    delivery.state = "over";
    this.#out -= 1;
    const { partition, record, attempt, sequence } = delivery;
    // Takes the place of the former one among those that are not done.
    const again = new KafkaDelivery(partition, record, attempt + 1, sequence, this);
    partition.replace(again);
    if (this.#stopped) return;
    const come = (): void => {
      again.timer = undefined;
      this.#ready.insert(again);
      this.#hand();
    };
    if (delayMs > 0) again.timer = this.#clock.setTimeout(come, delayMs);
    else come();
    this.#hand();
  }

  async #close(): Promise<void> {
    await this.stop();
    this.#rejectJoined(closed());
    await this.#committer.close();
    this.#loseAll(closed());
    await this.#member.stop();
    this.#parts.onClose(this);
  }

  /** Hands the next message to whoever waits, unless enough are out. */
  #hand(): void {
    const waiter = this.#waiter;
    if (!waiter || this.#stopped || this.#out >= this.#parts.options.maxInFlight) return;
    const delivery = this.#give();
    if (!delivery) return;
    this.#waiter = undefined;
    // A message that always fails must not keep timers and sockets from their turn.
    if (delivery.attempt === 1) waiter.resolve(delivery);
    else setImmediate(() => waiter.resolve(delivery));
  }

  #give(): KafkaDelivery | undefined {
    const delivery = this.#ready.shift();
    if (!delivery) return undefined;
    delivery.state = "out";
    this.#out += 1;
    this.#makeRoom();
    return delivery;
  }

  async #receive(batch: ClientBatch): Promise<void> {
    const partition = this.#partitions.get(batch.partition);
    if (!partition || this.#stopped) return;
    if (partition.starting) {
      await this.#beating(batch, partition.starting);
      // The position may have been moved: what is fetched next counts.
      return;
    }
    if (partition.rejoined) this.#catchUp(partition, batch);
    await this.#takeAll(partition, batch);
  }

  async #takeAll(partition: Partition, batch: ClientBatch): Promise<void> {
    if (batch.isStale()) return;
    let taken: number | undefined;
    try {
      for (const record of batch.records) {
        if (record.offset >= partition.next) {
          if (!this.#hasRoom(partition)) {
            while (!this.#hasRoom(partition)) await this.#beating(batch, this.#waitForRoom(partition));
            if (this.#stopped || partition.lost || batch.isStale()) return;
          }
          this.#take(partition, record);
        }
        taken = record.offset;
      }
    } finally {
      // Where the client goes on to read, whatever ended this.
      if (taken !== undefined) batch.resolve(taken);
    }
    partition.pass(batch.lastOffset + 1);
  }

  #take(partition: Partition, record: IncomingRecord): void {
    this.#sequence += 1;
    const delivery = new KafkaDelivery(partition, record, 1, this.#sequence, this);
    partition.add(delivery);
    this.#ready.push(delivery);
    this.#hand();
  }

  /** What lies before the first record that comes was done by another member meanwhile. */
  #catchUp(partition: Partition, batch: ClientBatch): void {
    const first = batch.records[0]?.offset;
    partition.rejoined = false;
    if (first === undefined) return;
    for (const delivery of [...partition.open()]) {
      if (delivery.offset >= first) break;
      this.#lose(delivery, lost());
      partition.remove(delivery);
    }
  }

  #hasRoom(partition: Partition): boolean {
    if (this.#stopped || partition.lost) return true;
    return this.#ready.size < this.#parts.options.maxInFlight && partition.spansLessThan(this.#parts.settings.maxUncommitted);
  }

  #waitForRoom(partition: Partition): Promise<void> {
    const room = this.#room.get(partition) ?? Promise.withResolvers();
    this.#room.set(partition, room);
    return room.promise;
  }

  /** Wakes who waits for room once half of it is free: not for each message that goes. */
  #makeRoom(): void {
    if (this.#room.size === 0) return;
    const isHalfFree = this.#ready.size * 2 <= this.#parts.options.maxInFlight;
    for (const [partition, { resolve }] of this.#room) {
      if (!this.#stopped && !partition.lost && !(isHalfFree && this.#hasRoom(partition))) continue;
      this.#room.delete(partition);
      resolve();
    }
  }

  /** Waits a little at most, and keeps the membership: rejects when the group agrees anew. */
  async #beating(batch: ClientBatch, event: Promise<void>): Promise<void> {
    let timer: unknown;
    const beat = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, BEAT_MS);
    });
    await Promise.race([event, beat]);
    this.#clock.clearTimeout(timer);
    await batch.heartbeat();
  }

  #join(numbers: readonly number[], memberId: string): void {
    // A member that the group gave up for dead: others may have had everything meanwhile.
    if (this.#memberId !== undefined && this.#memberId !== memberId) this.#loseAll(lost());
    this.#memberId = memberId;
    for (const partition of [...this.#partitions.values()]) {
      if (numbers.includes(partition.number)) partition.rejoined = true;
      else this.#losePartition(partition, lost());
    }
    for (const number of numbers) if (!this.#partitions.has(number)) this.#gain(number);
    if (this.#hasJoined) this.#parts.options.onEvent?.({ type: "rebalanced" });
    const starting = [...this.#partitions.values()].map((partition) => partition.starting);
    void Promise.all(starting).then(() => {
      this.#hasJoined = true;
      this.#resolveJoined();
    });
  }

  #gain(number: number): void {
    const partition = new Partition(number);
    this.#partitions.set(number, partition);
    if (this.#parts.options.from === "earliest") return;
    const starting = this.#start(partition).then(
      () => {
        if (partition.starting === starting) partition.starting = undefined;
      },
      (error) => {
        if (!partition.lost) this.#member.restart(error);
        return new Promise<void>(() => undefined);
      },
    );
    partition.starting = starting;
  }

  /** Where a new group begins is written down at once: another member must not choose another place. */
  async #start(partition: Partition): Promise<void> {
    const { admin, topic, options } = this.#parts;
    const { number } = partition;
    const offset = await admin.ask(async (broker) => {
      const committed = await broker.committed(options.group, topic);
      if (committed.has(number)) return undefined;
      if (typeof options.from === "number") return (await broker.offsetsAt(topic, options.from)).get(number);
      return (await broker.ranges(topic)).find((range) => range.partition === number)?.high;
    });
    if (offset === undefined || partition.lost || this.#stopped) return;
    partition.startAt(offset);
    this.#member.seek(number, offset);
    await this.#member.commit(new Map([[number, offset]]));
    partition.committed = offset;
  }

  #restarted(reason: string): void {
    this.#loseAll(lost());
    this.#memberId = undefined;
    this.#parts.options.onEvent?.({ type: "restarted", reason });
  }

  #end(error: unknown): void {
    this.#rejectJoined(error);
    this.#failure = { error };
    this.#loseAll(error);
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(error);
  }

  #loseAll(reason: unknown): void {
    for (const partition of [...this.#partitions.values()]) this.#losePartition(partition, reason);
  }

  #losePartition(partition: Partition, reason: unknown): void {
    partition.lost = true;
    this.#partitions.delete(partition.number);
    for (const delivery of partition.open()) this.#lose(delivery, reason);
    this.#makeRoom();
    this.#hand();
  }

  #lose(delivery: KafkaDelivery, reason: unknown): void {
    if (delivery.state === "out") this.#out -= 1;
    else this.#ready.remove(delivery);
    this.#clock.clearTimeout(delivery.timer);
    delivery.lose(reason);
  }
}

function lost(): OmniError {
  return new OmniError("PRECONDITION_FAILED", {
    reason: "the group gave the partition to another consumer, which gets the message",
  });
}

function closed(): OmniError {
  return new OmniError("BACKEND_CLOSED", { reason: "the subscription was closed" });
}
