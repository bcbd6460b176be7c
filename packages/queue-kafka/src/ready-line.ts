import type { KafkaDelivery } from "./delivery.ts";

/** Messages that wait to be handed over, in the order in which they came; one that comes again goes where it belongs. */
export class ReadyLine {
  // What was taken off the front is cut away now and then: taking is O(1).
  #items: (KafkaDelivery | undefined)[] = [];
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  push(delivery: KafkaDelivery): void {
    this.#items.push(delivery);
  }

  /** The one that {@link shift} would take. */
  get first(): KafkaDelivery | undefined {
    return this.#items[this.#first];
  }

  shift(): KafkaDelivery | undefined {
    if (this.size === 0) return undefined;
    const delivery = this.#items[this.#first];
    this.#items[this.#first] = undefined;
    this.#first += 1;
    if (this.#first > 1_024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return delivery;
  }

  /** From the front: what comes again is older than most of what waits. */
  insert(delivery: KafkaDelivery): void {
    let at = this.#first;
    while (at < this.#items.length && (this.#items[at] as KafkaDelivery).sequence < delivery.sequence) at += 1;
    this.#items.splice(at, 0, delivery);
  }

  remove(delivery: KafkaDelivery): void {
    const at = this.#items.indexOf(delivery, this.#first);
    if (at >= 0) this.#items.splice(at, 1);
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
  }
}
