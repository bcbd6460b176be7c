import type { KafkaDelivery } from "./delivery.ts";

/**
 * What a consumer has of one partition: what came and is not done. What may be committed is the lowest offset that is not done, so that nothing is
 * skipped whatever the order in which messages are done; everything from it on comes again to whoever has the partition next.
 */
export class Partition {
  readonly number: number;
  /** Resolves when it is known where to read; `undefined` when it is. */
  starting: Promise<void> | undefined;
  /** The group has agreed anew since the last batch: what the group committed meanwhile shows in the next one. */
  rejoined = false;
  /** Another member's now. */
  lost = false;
  /** What was committed last. */
  committed: number | undefined;
  /** Behind the last record that came. */
  #next: number | undefined;
  /** A place that {@link position} has reached, perhaps long ago. */
  #reached = Number.NEGATIVE_INFINITY;
  readonly #open = new Map<number, KafkaDelivery>();

  constructor(number: number) {
    this.number = number;
  }

  /** The next record that is news. */
  get next(): number {
    return this.#next ?? 0;
  }

  /** Up to where everything is done: what to commit. `undefined` while nothing came. */
  get position(): number | undefined {
    for (const offset of this.#open.keys()) return offset;
    return this.#next;
  }

  /** Whether from the lowest that is not done to the last that came there are fewer records than so many. */
  spansLessThan(records: number): boolean {
    // Asked for every record: to look for the lowest costs more than to remember where it was.
    if (this.next - this.#reached >= records) this.#reached = this.position ?? this.next;
    return this.next - this.#reached < records;
  }

  get isDirty(): boolean {
    const { position } = this;
    return position !== undefined && position !== this.committed;
  }

  /** Not done yet, in order. */
  open(): Iterable<KafkaDelivery> {
    return this.#open.values();
  }

  /** A record came. */
  add(delivery: KafkaDelivery): void {
    this.#open.set(delivery.offset, delivery);
    this.#next = delivery.offset + 1;
  }

  /** Everything before this offset came, or nobody may see it. */
  pass(next: number): void {
    if (this.#next === undefined || next > this.#next) this.#next = next;
  }

  /** Another delivery of the same record, in its place. */
  replace(again: KafkaDelivery): void {
    if (this.#open.has(again.offset)) this.#open.set(again.offset, again);
  }

  remove(delivery: KafkaDelivery): void {
    if (this.#open.get(delivery.offset) === delivery) this.#open.delete(delivery.offset);
  }

  /** Reads from here: nothing before it counts. */
  startAt(offset: number): void {
    this.#next = offset;
    this.#reached = Number.NEGATIVE_INFINITY;
  }
}
