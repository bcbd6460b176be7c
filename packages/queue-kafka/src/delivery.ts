import { OmniError } from "@omni/core";
import type { DriverDelivery, ReceivedMessage } from "@omni/core/queue";
import type { IncomingRecord } from "./client.ts";
import type { Partition } from "./partition.ts";
import { toReceived } from "./record.ts";

/** Who hands deliveries out. */
export interface DeliveryOwner {
  settle(delivery: KafkaDelivery): void;
  giveBack(delivery: KafkaDelivery, delayMs: number): void;
}

/** One handing over of a record to this process. A redelivery is another object: settles of the former one have no effect. */
export class KafkaDelivery implements DriverDelivery {
  readonly partition: Partition;
  readonly record: IncomingRecord;
  readonly attempt: number;
  /** In which order records came to this process. */
  readonly sequence: number;
  /** `waiting` to be handed over, `out`, or over: settled, given back, or lost. */
  state: "waiting" | "out" | "over" = "waiting";
  /** The delay before it is handed over. */
  timer: unknown;
  readonly #owner: DeliveryOwner;
  #message: ReceivedMessage | undefined;
  #lost: AbortController | undefined;

  constructor(partition: Partition, record: IncomingRecord, attempt: number, sequence: number, owner: DeliveryOwner) {
    this.partition = partition;
    this.record = record;
    this.attempt = attempt;
    this.sequence = sequence;
    this.#owner = owner;
  }

  get offset(): number {
    return this.record.offset;
  }

  get message(): ReceivedMessage {
    this.#message ??= toReceived(this.partition.number, this.record);
    return this.#message;
  }

  get signal(): AbortSignal {
    this.#lost ??= new AbortController();
    if (this.state === "over") this.#lost.abort();
    return this.#lost.signal;
  }

  /** Asked right before the handler runs: whether the partition still is this member's. */
  owned(): boolean {
    return this.state === "out" && !this.partition.lost;
  }

  ack(): void {
    this.#check();
    this.#owner.settle(this);
  }

  nack(delayMs: number): void {
    this.#check();
    this.#owner.giveBack(this, delayMs);
  }

  term(): void {
    this.#check();
    this.#owner.settle(this);
  }

  extend(): void {
    this.#check();
  }

  /** Another member's, or the subscription's end. */
  lose(reason: unknown): void {
    this.state = "over";
    this.#lost?.abort(reason);
  }

  #check(): void {
    if (this.owned()) return;
    const reason = "the delivery is no longer this consumer's: its partition went to another, or its subscription was closed";
    throw new OmniError("PRECONDITION_FAILED", { reason, outcome: "not-applied" });
  }
}
