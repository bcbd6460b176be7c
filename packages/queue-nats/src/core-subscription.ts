import { OmniError } from "@omni/core";
import type { DriverDelivery, DriverSubscription, ReceivedMessage, SubscriptionEvent } from "@omni/core/queue";
import type { ClientSubscription, NatsClient, NatsMessage } from "./client.ts";
import type { Link } from "./link.ts";
import type { NatsSettings } from "./options.ts";

/** What a subscription without JetStream needs. */
export interface CoreSubscriptionParts {
  readonly link: Link;
  readonly settings: NatsSettings;
  readonly subject: string;
  readonly group: string;
  readonly maxInFlight: number;
  readonly onEvent: ((event: SubscriptionEvent) => void) | undefined;
}

/** Messages that wait here for their consumer; the server keeps none. More are lost, and said to be. */
const MOST_BUFFERED = 65_536;

/** One consumer of a queue group of the server. */
export class CoreSubscription implements DriverSubscription {
  readonly #parts: CoreSubscriptionParts;
  readonly #onClose: (subscription: CoreSubscription) => void;
  readonly #leave: () => void;
  readonly #release: () => void;
  readonly #forget: () => void;
  #buffer: NatsMessage[] = [];
  #out = 0;
  #client: NatsClient | undefined;
  #subscription: ClientSubscription | undefined;
  #waiting: { resolve(delivery: DriverDelivery | undefined): void; reject(error: unknown): void } | undefined;
  #failure: unknown;
  #dropped = 0;
  #stopped = false;
  #closed = false;

  constructor(parts: CoreSubscriptionParts, onClose: (subscription: CoreSubscription) => void) {
    this.#parts = parts;
    this.#onClose = onClose;
    this.#leave = parts.link.onChange(() => this.#changed());
    this.#release = parts.link.hold();
    this.#forget = parts.link.onDenied((subject) => {
      if (subject === parts.subject) this.#fail(denied(subject));
    });
  }

  async start(client: NatsClient): Promise<void> {
    this.#listen(client);
    await client.flush();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#failure !== undefined) throw this.#failure;
  }

  next(): Promise<DriverDelivery | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#stopped) return Promise.resolve(undefined);
    const delivery = this.#take();
    if (delivery) return Promise.resolve(delivery);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#leave();
    this.#release();
    this.#forget();
    this.#subscription?.unsubscribe();
    this.#buffer = [];
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this);
  }

  /** The consumer is done with a message, one way or the other. */
  settled(): void {
    this.#out -= 1;
    this.#handOver();
  }

  #listen(client: NatsClient): void {
    const { link, subject, group } = this.#parts;
    this.#client = client;
    this.#subscription = client.subscribe(subject, (message) => link.guard(() => this.#receive(message)), group);
  }

  #receive(message: NatsMessage): void {
    if (this.#stopped) return;
    if (this.#buffer.length >= MOST_BUFFERED) {
      this.#dropped += 1;
      const { settings, subject } = this.#parts;
      if (Number.isInteger(Math.log2(this.#dropped)))
        settings.logger.warn({ provider: "nats", subject, dropped: this.#dropped }, "the consumer is too slow: messages are lost");
      return;
    }
    this.#buffer.push(message);
    this.#handOver();
  }

  #handOver(): void {
    if (!this.#waiting) return;
    const delivery = this.#take();
    if (!delivery) return;
    this.#waiting.resolve(delivery);
    this.#waiting = undefined;
  }

  #take(): DriverDelivery | undefined {
    if (this.#out >= this.#parts.maxInFlight) return undefined;
    const message = this.#buffer.shift();
    if (!message) return undefined;
    this.#out += 1;
    return new CoreDelivery(message, this);
  }

  #changed(): void {
    const { link, onEvent } = this.#parts;
    const { client } = link;
    onEvent?.({ type: client ? "reconnected" : "disconnected" });
    if (client && client !== this.#client) this.#listen(client);
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** A message that nobody keeps: whatever is said of it, it does not come again. */
class CoreDelivery implements DriverDelivery {
  readonly message: ReceivedMessage;
  readonly attempt = 1;
  readonly #subscription: CoreSubscription;

  constructor(message: NatsMessage, subscription: CoreSubscription) {
    this.message = message;
    this.#subscription = subscription;
  }

  ack(): void {
    this.#subscription.settled();
  }

  nack(): void {
    this.#subscription.settled();
  }

  term(): void {
    this.#subscription.settled();
  }

  extend(): void {
    // There is no deadline.
  }
}

function denied(subject: string): OmniError {
  const reason = `the user may not subscribe to "${subject}": allow it in the server's configuration`;
  return new OmniError("PERMISSION_DENIED", { reason });
}
