import { OmniError, wrapError } from "../error.ts";
import type { Counters } from "./counters.ts";
import type { DriverDelivery, DriverSubscription, QueueDriver } from "./driver.ts";
import { decodeMessage, type EnvelopeForm } from "./envelope.ts";
import type { Message } from "./message.ts";
import type { Delivery, Subscription } from "./provider.ts";

/** What a subscription works with. */
export interface SubscriptionParts {
  readonly driver: QueueDriver;
  readonly counters: Counters;
  readonly form: EnvelopeForm;
  readonly topic: string;
  readonly group: string;
  /** Joins the group; called at once. */
  open(signal: AbortSignal): Promise<DriverSubscription>;
  /** Told once when the subscription is over. */
  onClose(subscription: OpenSubscription): void;
}

/** A delivery as an application holds it. */
export class OpenDelivery implements Delivery {
  readonly message: Message;
  readonly source: DriverDelivery;
  readonly #owner: OpenSubscription;
  #settled: Delivery["settled"];
  #controller: AbortController | undefined;

  constructor(message: Message, source: DriverDelivery, owner: OpenSubscription) {
    this.message = message;
    this.source = source;
    this.#owner = owner;
  }

  get attempt(): number {
    return this.source.attempt;
  }

  get settled(): Delivery["settled"] {
    return this.#settled;
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    const lost = this.source.signal;
    if (lost?.aborted) controller.abort(lost.reason);
    else lost?.addEventListener("abort", () => controller.abort(lost.reason), { once: true });
    if (this.#settled === undefined) this.#owner.watch(this);
    return controller.signal;
  }

  /** The subscription is over. */
  abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  async ack(): Promise<void> {
    await this.acknowledge();
  }

  /** As `ack`, but throws, and returns nothing where there is nothing to wait for. */
  acknowledge(): Promise<void> | void {
    if (!this.#first("acked")) return;
    this.#owner.counters.acked += 1;
    return this.#owner.settle("ack", this, () => this.source.ack());
  }

  async nack(options: { readonly delayMs?: number | undefined } = {}): Promise<void> {
    const delayMs = options.delayMs ?? 0;
    if (!(delayMs >= 0))
      throw new OmniError("INVALID_ARGUMENT", { reason: `delayMs is ${delayMs}, it has to be 0 or more milliseconds` });
    if (!this.#first("nacked")) return;
    this.#owner.counters.nacked += 1;
    await this.#owner.settle("nack", this, () => this.source.nack(delayMs));
  }

  async term(reason = "terminated by its consumer"): Promise<void> {
    if (!this.#first("terminated")) return;
    await this.#owner.settle("term", this, () => this.source.term(reason));
  }

  async extend(): Promise<void> {
    if (this.#settled !== undefined) return;
    await this.#owner.settle("extend", this, () => this.source.extend());
  }

  #first(state: NonNullable<Delivery["settled"]>): boolean {
    if (this.#settled !== undefined) return false;
    this.#settled = state;
    this.#owner.settled(this);
    return true;
  }
}

/** A subscription of the driver as an application holds it. */
export class OpenSubscription implements Subscription {
  readonly topic: string;
  readonly group: string;
  readonly counters: Counters;
  readonly #parts: SubscriptionParts;
  readonly #opened: Promise<DriverSubscription | undefined>;
  readonly #opening = new AbortController();
  readonly #watched = new Set<OpenDelivery>();
  /** Once it is subscribed. */
  #source: DriverSubscription | undefined;
  #open = 0;
  #closing: Promise<void> | undefined;
  #ended = false;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.topic = parts.topic;
    this.group = parts.group;
    this.counters = parts.counters;
    this.#opened = this.#start();
    // Whoever waits for it is told; nobody may.
    this.#opened.catch(() => undefined);
  }

  async ready(): Promise<void> {
    await this.#opened;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Delivery, undefined>> {
    const delivery = await this.take();
    return delivery ? { done: false, value: delivery } : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Delivery, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /** The next delivery; `undefined` at the end. */
  take(): Promise<OpenDelivery | undefined> {
    // What is called for each message is made once.
    if (this.#source && !this.#ended) return this.#source.next().then(this.#taken, this.#failed);
    return this.#takeFirst();
  }

  async #takeFirst(): Promise<OpenDelivery | undefined> {
    if (this.#ended) return undefined;
    const source = await this.#opened;
    if (this.#ended || !source) return undefined;
    this.#source = source;
    return this.take();
  }

  readonly #taken = (found: DriverDelivery | undefined): OpenDelivery | undefined | Promise<undefined> => {
    if (!found) return this.close().then(() => undefined);
    // Handed over while this was being closed: the driver's close gives it back.
    return this.#ended ? undefined : this.#hold(found);
  };

  readonly #failed = async (error: unknown): Promise<never> => {
    await this.close();
    throw this.#wrap("subscribe", error);
  };

  /** The next delivery if one is at hand. */
  poll(): OpenDelivery | undefined {
    if (this.#ended) return undefined;
    const found = this.#source?.poll?.();
    return found && this.#hold(found);
  }

  #hold(found: DriverDelivery): OpenDelivery {
    this.#open += 1;
    this.counters.consumed += 1;
    this.counters.inFlight += 1;
    return new OpenDelivery(decodeMessage(this.topic, found.message, this.#parts.form), found, this);
  }

  /** Takes nothing more; what is out may still be settled. */
  async stop(): Promise<void> {
    const source = await this.#opened.catch(() => undefined);
    await source?.stop();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  watch(delivery: OpenDelivery): void {
    this.#watched.add(delivery);
  }

  settled(delivery: OpenDelivery): void {
    this.#watched.delete(delivery);
    if (this.#ended) return;
    this.#open -= 1;
    this.counters.inFlight -= 1;
  }

  settle(operation: string, delivery: OpenDelivery, call: () => Promise<void> | void): Promise<void> | void {
    if (this.#ended) {
      if (operation !== "ack") return;
      const reason = `the subscription was closed before message ${delivery.message.id} was acknowledged: it goes to another consumer`;
      throw new OmniError("PRECONDITION_FAILED", { ...this.#context(operation), reason, outcome: "not-applied" });
    }
    let word: Promise<void> | void;
    try {
      word = call();
    } catch (error) {
      throw this.#wrap(operation, error);
    }
    return word?.catch((error) => {
      throw this.#wrap(operation, error);
    });
  }

  async #start(): Promise<DriverSubscription | undefined> {
    try {
      return await this.#parts.open(this.#opening.signal);
    } catch (error) {
      if (this.#ended) return undefined;
      this.#end(error);
      throw this.#wrap("subscribe", error);
    }
  }

  async #close(): Promise<void> {
    if (!this.#ended)
      this.#end(new OmniError("BACKEND_CLOSED", { ...this.#context("subscribe"), reason: "the subscription is closed" }));
    this.#opening.abort();
    const source = await this.#opened.catch(() => undefined);
    try {
      await source?.close();
    } catch (error) {
      throw this.#wrap("unsubscribe", error);
    }
  }

  #end(reason: unknown): void {
    this.#ended = true;
    this.counters.inFlight -= this.#open;
    this.#open = 0;
    for (const delivery of this.#watched) delivery.abort(reason);
    this.#watched.clear();
    this.#parts.onClose(this);
  }

  #wrap(operation: string, error: unknown): OmniError {
    return wrapError(error, this.#context(operation), this.#parts.driver.classifyError);
  }

  #context(operation: string): { readonly backend: string; readonly operation: string; readonly topic: string } {
    return { backend: this.#parts.driver.name, operation, topic: this.topic };
  }
}
