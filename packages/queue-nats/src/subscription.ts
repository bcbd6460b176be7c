import { delay, OmniError, wrapError } from "@omni/core";
import type { DriverDelivery, DriverSubscription, SubscriptionEvent } from "@omni/core/queue";
import type { ClientSubscription, NatsClient, NatsMessage } from "./client.ts";
import { type DeliveryOwner, JetStreamDelivery } from "./delivery.ts";
import { classifyError } from "./errors.ts";
import type { Link } from "./link.ts";
import type { NatsSettings } from "./options.ts";
import { soon } from "./or-abort.ts";
import { isAtLeast } from "./version.ts";
import { Words } from "./words.ts";

/** What a subscription needs beside the connection. */
export interface SubscriptionParts {
  readonly link: Link;
  readonly settings: NatsSettings;
  readonly topic: string;
  readonly stream: string;
  readonly durable: string;
  readonly maxInFlight: number;
  /** Milliseconds until the broker gives a delivery to another. */
  readonly ackWaitMs: number;
  /** Looks for the consumer, and makes it anew where it is gone. */
  restore(signal: AbortSignal): Promise<void>;
  readonly onEvent: ((event: SubscriptionEvent) => void) | undefined;
  onClose(subscription: JetStreamSubscription): void;
}

const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 5_000;
/** A pull that gave no sign of life for so long is taken to be lost. */
const SILENCE_MS = HEARTBEAT_MS * 2.5;
const TOP_UP_MS = 3;
const encoder = new TextEncoder();

/**
 * One consumer of a group: pulls from the durable consumer of the group (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-13.md),
 * never more than may be out.
 */
export class JetStreamSubscription implements DriverSubscription, DeliveryOwner {
  readonly #parts: SubscriptionParts;
  /** Aborts when nothing more is taken. */
  readonly #abort = new AbortController();
  /** Aborts when nothing more is settled. */
  readonly #closed = new AbortController();
  /** Came and was not handed over. */
  readonly #buffer: JetStreamDelivery[] = [];
  /** Handed over and not settled, in the order in which their deadlines pass. */
  readonly #out = new Set<JetStreamDelivery>();
  readonly #inbox: string;
  #subscription: ClientSubscription | undefined;
  #client: NatsClient | undefined;
  /** Messages that the broker was asked for and has not sent. */
  #asked = 0;
  #waiting: { resolve(delivery: DriverDelivery | undefined): void; reject(error: unknown): void } | undefined;
  #failure: unknown;
  #stopping: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #topUp: unknown;
  #deadline: unknown;
  #silence: unknown;
  /** When the broker was last heard of, or asked: milliseconds since the epoch. */
  #signAt = 0;
  #restoring = false;
  readonly #words: Words;
  #turn: NodeJS.Immediate | undefined;
  readonly #leave: () => void;
  readonly #release: () => void;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#inbox = `${parts.settings.inboxPrefix}.${crypto.randomUUID().replaceAll("-", "")}`;
    this.#leave = parts.link.onChange(() => this.#changed());
    this.#release = parts.link.hold();
    this.#words = new Words(parts.link, parts.settings, parts.topic, this.#closed.signal);
  }

  get stream(): string {
    return this.#parts.stream;
  }

  get takesReasons(): boolean {
    return isAtLeast(this.#client?.server.version ?? "0", "2.10.4");
  }

  /** Begins to pull. */
  start(client: NatsClient): void {
    this.#listen(client);
    this.#pull();
  }

  next(): Promise<DriverDelivery | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#stopping) return Promise.resolve(undefined);
    const delivery = this.#take();
    if (delivery) return Promise.resolve(delivery);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  poll(): DriverDelivery | undefined {
    return this.#stopping || this.#failure !== undefined ? undefined : this.#take();
  }

  tell(delivery: JetStreamDelivery, word: string, confirm: boolean): Promise<void> | void {
    const waiting = this.#words.tell(delivery, word, confirm);
    this.#atTurnEnd();
    return waiting;
  }

  settled(delivery: JetStreamDelivery): void {
    this.#out.delete(delivery);
    this.#handOver();
    this.#atTurnEnd();
  }

  extended(delivery: JetStreamDelivery): void {
    delivery.expiresAt = this.now() + this.#parts.ackWaitMs;
    // To the end of the line: all deadlines have one length.
    if (this.#out.delete(delivery)) this.#out.add(delivery);
  }

  now(): number {
    return this.#parts.settings.clock.now();
  }

  /** What one turn of the event loop says and frees goes to the broker together. */
  #atTurnEnd(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#words.say();
      this.#pull();
    });
  }

  #listen(client: NatsClient): void {
    this.#client = client;
    this.#subscription = client.subscribe(this.#inbox, (message) => this.#parts.link.guard(() => this.#receive(message)));
  }

  #receive(message: NatsMessage): void {
    const now = this.now();
    this.#signAt = now;
    if (message.status !== 0 || !message.reply.startsWith("$JS.ACK.")) {
      this.#status(message);
      return;
    }
    this.#asked = Math.max(0, this.#asked - 1);
    const delivery = new JetStreamDelivery(message, this, now + this.#parts.ackWaitMs);
    if (delivery.attempt > 1) this.#supersede(delivery);
    if (this.#stopping) {
      this.#giveBack(delivery);
      return;
    }
    this.#buffer.push(delivery);
    this.#handOver();
    this.#atTurnEnd();
  }

  /** The broker's clock began before ours did: what it hands over anew is no longer the former holder's, whatever our clock says. */
  #supersede(delivery: JetStreamDelivery): void {
    for (const former of [...this.#out, ...this.#buffer]) {
      if (former.message.position?.sequence !== delivery.message.position?.sequence) continue;
      this.#out.delete(former);
      former.lose(this.#late());
    }
  }

  /** The broker's word about a pull. */
  #status(message: NatsMessage): void {
    const { status, description } = message;
    // A sign of life. With a stalled-consumer header it would ask for an answer, which pulls never get.
    if (status === 100 || this.#stopping) return;
    const left = message.headers["Nats-Pending-Messages"];
    if (left !== undefined && (status === 408 || status === 404 || /completed|exceed/i.test(description))) {
      this.#asked = Math.max(0, this.#asked - Number(left));
      this.#pull();
    } else {
      // Anything else ends the pulls: the consumer was deleted, its leader moved, the server shuts down, nobody answers (503).
      this.#asked = 0;
      this.#restart(`${status} ${description}`.trim());
    }
  }

  /** The next delivery that is still ours, if one may go out. */
  #take(): JetStreamDelivery | undefined {
    while (this.#buffer.length > 0 && this.#out.size < this.#parts.maxInFlight) {
      const delivery = this.#buffer.shift() as JetStreamDelivery;
      if (!delivery.owned()) continue;
      this.#out.add(delivery);
      this.#watchDeadlines();
      return delivery;
    }
    return undefined;
  }

  #handOver(): void {
    if (!this.#waiting || this.#stopping) return;
    const delivery = this.#take();
    if (!delivery) return;
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(delivery);
  }

  /**
   * Asks for as many as there is room for: at once when that is worth a request, else a moment later, together with what comes free meanwhile. While
   * half of what may be out is asked for already there is no need.
   */
  #pull(): void {
    const { maxInFlight, settings, link } = this.#parts;
    if (this.#stopping || this.#restoring || !link.client || this.#failure !== undefined) return;
    const free = maxInFlight - this.#out.size - this.#buffer.length - this.#asked;
    if (free <= 0 || this.#asked * 2 > maxInFlight) return;
    if (free * 4 >= maxInFlight) this.#ask(free);
    else
      this.#topUp ??= settings.clock.setTimeout(() => {
        this.#topUp = undefined;
        const now = maxInFlight - this.#out.size - this.#buffer.length - this.#asked;
        if (now > 0 && !this.#stopping && !this.#restoring && link.client) this.#ask(now);
      }, TOP_UP_MS);
  }

  #ask(batch: number): void {
    const { stream, durable, link } = this.#parts;
    const request = { batch, expires: EXPIRES_MS * 1_000_000, idle_heartbeat: HEARTBEAT_MS * 1_000_000 };
    link.client?.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
      encoder.encode(JSON.stringify(request)),
      undefined,
      this.#inbox,
    );
    // Silence counts from the first pull that waits.
    if (this.#asked === 0) this.#signAt = this.now();
    this.#asked += batch;
    this.#watchSilence();
  }

  /** The connection was lost, or is there again. */
  #changed(): void {
    if (this.#stopping) return;
    const { link, onEvent } = this.#parts;
    this.#asked = 0;
    const { client } = link;
    if (!client) {
      onEvent?.({ type: "disconnected" });
      // A client that closed for good is replaced by whoever needs one: that is us.
      if (!link.isOpen) this.#restart("the client closed");
      return;
    }
    onEvent?.({ type: "reconnected" });
    if (client !== this.#client) this.#listen(client);
    this.#restart(undefined);
  }

  /** Makes sure that the consumer is there, for as long as it takes, and pulls again. */
  #restart(reason: string | undefined): void {
    if (this.#restoring || this.#stopping) return;
    this.#restoring = true;
    this.#restore(reason).then(
      () => {
        this.#restoring = false;
        this.#pull();
      },
      (error) => this.#fail(error),
    );
  }

  async #restore(reason: string | undefined): Promise<void> {
    const { link, settings, onEvent, restore } = this.#parts;
    const { signal } = this.#abort;
    for (let pauseMs = 50; ; pauseMs = Math.min(2_000, pauseMs * 2)) {
      try {
        const client = await link.connected(signal, true);
        if (client !== this.#client) this.#listen(client);
        await restore(signal);
        if (reason !== undefined) onEvent?.({ type: "restarted", reason });
        return;
      } catch (error) {
        if (signal.aborted) return;
        const { retryable } = wrapError(error, {}, classifyError);
        if (!retryable) throw error;
        settings.logger.debug(
          { provider: "nats", topic: this.#parts.topic, error: String(error) },
          "the consumer is not there yet",
        );
        await delay(pauseMs, settings.clock, signal).catch(() => undefined);
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#stopping) return;
    this.#failure = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  /** A pull without a message or a heartbeat for long is lost, whatever became of it. The timer looks; a sign only leaves its time. */
  #watchSilence(afterMs: number = SILENCE_MS): void {
    if (this.#silence !== undefined || this.#asked === 0 || this.#stopping) return;
    this.#silence = this.#parts.settings.clock.setTimeout(() => {
      this.#silence = undefined;
      const left = this.#signAt + SILENCE_MS - this.now();
      if (left > 0) this.#watchSilence(left);
      else if (this.#asked > 0 && this.#parts.link.client) {
        this.#asked = 0;
        this.#restart(`no sign of life for ${SILENCE_MS} ms`);
      }
    }, afterMs);
  }

  /** Takes deliveries back whose deadline has passed. */
  #watchDeadlines(): void {
    if (this.#deadline !== undefined) return;
    const [first] = this.#out;
    if (!first) return;
    const { clock } = this.#parts.settings;
    this.#deadline = clock.setTimeout(
      () => {
        this.#deadline = undefined;
        const now = this.now();
        const reason = this.#late();
        for (const delivery of this.#out) {
          if (delivery.expiresAt > now) break;
          this.#out.delete(delivery);
          delivery.lose(reason);
        }
        this.#watchDeadlines();
        this.#handOver();
        this.#pull();
      },
      Math.max(1, first.expiresAt - this.now()),
    );
  }

  #late(): OmniError {
    return new OmniError("TIMEOUT", {
      reason: `not acknowledged within ${this.#parts.ackWaitMs} ms: another consumer gets the message`,
    });
  }

  async #stop(): Promise<void> {
    const { clock } = this.#parts.settings;
    this.#abort.abort();
    for (const timer of [this.#topUp, this.#silence]) clock.clearTimeout(timer);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(undefined);
    // After this turn, so that `#stopping` is set: what still comes is given back.
    await Promise.resolve();
    for (const delivery of this.#buffer.splice(0)) this.#giveBack(delivery);
    const subscription = this.#subscription;
    if (!subscription) return;
    if (this.#parts.link.client) await soon(subscription.drain());
    else subscription.unsubscribe();
  }

  async #close(): Promise<void> {
    await this.stop();
    clearImmediate(this.#turn);
    this.#words.say();
    const { link, settings, onClose } = this.#parts;
    settings.clock.clearTimeout(this.#deadline);
    this.#closed.abort();
    this.#leave();
    this.#release();
    const reason = new OmniError("BACKEND_CLOSED", { reason: "the subscription is closed" });
    const { size } = this.#out;
    for (const delivery of this.#out) {
      this.#giveBack(delivery);
      delivery.lose(reason);
    }
    this.#out.clear();
    if (size > 0 && link.client) await soon(link.client.flush());
    onClose(this);
  }

  #giveBack(delivery: JetStreamDelivery): void {
    // Lost with the connection: the broker takes it back when its deadline has passed.
    if (delivery.owned()) this.#parts.link.client?.publish(delivery.reply, encoder.encode("-NAK"));
  }
}
