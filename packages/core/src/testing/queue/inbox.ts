import type { Message } from "../../queue/message.ts";
import type { Delivery, QueueProvider, SubscribeOptions, Subscription } from "../../queue/provider.ts";

/** What a subscription brings, acknowledged at once unless told otherwise; waits for events, not for time. */
export class Inbox {
  readonly messages: Message[] = [];
  readonly #subscription: Subscription;
  readonly #settle: (delivery: Delivery) => Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #failure: unknown;
  readonly #ended: Promise<void>;

  constructor(subscription: Subscription, settle: (delivery: Delivery) => Promise<unknown>) {
    this.#subscription = subscription;
    this.#settle = settle;
    this.#ended = this.#read();
  }

  /** Subscribes, and waits until it is. */
  static async open(
    queue: QueueProvider,
    topic: string,
    options: SubscribeOptions = {},
    settle: (delivery: Delivery) => Promise<unknown> = (delivery) => delivery.ack(),
  ): Promise<Inbox> {
    const subscription = queue.subscribe(topic, options);
    await subscription.ready();
    return new Inbox(subscription, settle);
  }

  get texts(): string[] {
    return this.messages.map((message) => message.text());
  }

  get ids(): string[] {
    return this.messages.map((message) => message.id);
  }

  /** Waits until so many messages came, and gives them. */
  async take(count: number): Promise<readonly Message[]> {
    await this.until(() => this.messages.length >= count);
    return this.messages;
  }

  /** Waits until something is true, asked after each message. */
  async until(truth: () => boolean): Promise<void> {
    while (!truth()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async close(): Promise<void> {
    await this.#subscription.close();
    await this.#ended;
  }

  async #read(): Promise<void> {
    try {
      for await (const delivery of this.#subscription) {
        this.messages.push(delivery.message);
        await this.#settle(delivery);
        this.#wake();
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** The next so many deliveries, not settled. */
export async function takeDeliveries(subscription: Subscription, count: number): Promise<readonly Delivery[]> {
  const deliveries: Delivery[] = [];
  while (deliveries.length < count) {
    const step = await subscription.next();
    if (step.done) throw new Error(`the subscription ended after ${deliveries.length} of ${count} deliveries`);
    deliveries.push(step.value);
  }
  return deliveries;
}

/** The next delivery, not settled. */
export async function takeDelivery(subscription: Subscription): Promise<Delivery> {
  const [delivery] = await takeDeliveries(subscription, 1);
  return delivery as Delivery;
}

/** Something that is opened once and can be waited for. */
export class Latch {
  readonly opened: Promise<void>;
  open!: () => void;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** A list whose growth can be waited for. */
export class Tally<T> {
  readonly items: T[] = [];
  readonly #waiting = new Set<() => void>();

  add(item: T): void {
    this.items.push(item);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async until(truth: (items: readonly T[]) => boolean): Promise<readonly T[]> {
    while (!truth(this.items)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return this.items;
  }

  atLeast(count: number): Promise<readonly T[]> {
    return this.until((items) => items.length >= count);
  }
}
