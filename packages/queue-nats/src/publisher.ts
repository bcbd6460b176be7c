import { delay, OmniError } from "@omni/core";
import type { DriverPublishOptions, PublishOutcome, WireMessage } from "@omni/core/queue";
import type { NatsMessage } from "./client.ts";
import { ApiError } from "./errors.ts";
import type { Link, ReplyHandler } from "./link.ts";
import type { NatsSettings } from "./options.ts";
import type { StreamKeeper } from "./streams.ts";
import { messageId, subjectOf } from "./subject.ts";

const FIRST_RETRY_MS = 50;
const SWEEP_MS = 1_000;
const decoder = new TextDecoder();

/** How a message stands that nobody answered for: it is tried again while there is time. */
const NOBODY: PublishOutcome = { state: "rejected" };

/**
 * Publishes to JetStream. A message is handed over when the client has it and the connection is up; from then on it is acked, rejected by the
 * broker's own word, or unknown: when the connection is lost, and when the deadline passes. Before that it is rejected.
 */
export class JetStreamPublisher {
  readonly #link: Link;
  readonly #streams: StreamKeeper;
  readonly #settings: NatsSettings;
  /** Batches that wait for room in the window, in the order of the calls. */
  readonly #waiting = new Set<Shipment>();
  /** Messages that are not handed over yet, of those batches and of the ones that wait for the connection. */
  #held = 0;
  /** Handed over and without a word, the oldest first. */
  readonly #sent = new Map<string, Sent>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(link: Link, streams: StreamKeeper, settings: NatsSettings) {
    this.#link = link;
    this.#streams = streams;
    this.#settings = settings;
    link.onChange(() => this.#changed());
  }

  /** One outcome for each message, in their order. @throws when nothing was handed over */
  publish(topic: string, batch: readonly WireMessage[], options: DriverPublishOptions): Promise<readonly PublishOutcome[]> {
    if (this.#streams.isKnown && this.#link.client && this.#waiting.size === 0) return this.#ship(topic, batch, options);
    return this.#prepareAndShip(topic, batch, options);
  }

  async #prepareAndShip(
    topic: string,
    batch: readonly WireMessage[],
    options: DriverPublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (!this.#hasRoom(batch.length, options)) return batch.map(() => this.#full());
    this.#held += batch.length;
    try {
      await this.#prepare(options.signal);
    } finally {
      this.#held -= batch.length;
    }
    return this.#ship(topic, batch, options);
  }

  /** Whether so many more may wait here: always, where the caller has the patience. */
  #hasRoom(messages: number, { waitForRoom }: DriverPublishOptions): boolean {
    return waitForRoom !== false || this.#held + messages <= this.#settings.maxWaiting;
  }

  #full(): PublishOutcome {
    const { maxWaiting } = this.#settings;
    const reason = `${this.#held} messages wait here for the broker's word on earlier ones, and at most ${maxWaiting} may: publish less at once, or raise \`maxWaiting\``;
    return { state: "rejected", error: new OmniError("QUEUE_FULL", { reason, retryable: true, outcome: "not-applied" }) };
  }

  async #prepare(signal: AbortSignal | undefined): Promise<void> {
    const { waitForConnection } = this.#settings;
    if (this.#link.isOpen && !this.#link.client && !waitForConnection) throw this.#link.downError();
    await this.#link.connected(signal, waitForConnection);
    await this.#streams.ensure(signal);
  }

  async #ship(topic: string, batch: readonly WireMessage[], options: DriverPublishOptions): Promise<readonly PublishOutcome[]> {
    const outcomes = await this.#send(topic, batch, options);
    return outcomes.includes(NOBODY) ? this.#retry(topic, batch, outcomes, options) : outcomes;
  }

  /** One pass over a batch. */
  #send(topic: string, batch: readonly WireMessage[], options: DriverPublishOptions): Promise<PublishOutcome[]> {
    return new Promise((resolve) => {
      const shipment = new Shipment(subjectOf(this.#settings.prefix, topic), topic, batch, options.deadline, resolve);
      this.#load(shipment);
      if (shipment.isLoaded) return;
      if (!this.#hasRoom(shipment.left, options)) {
        shipment.refuseRest(this.#full().error);
        return;
      }
      this.#waiting.add(shipment);
      this.#held += shipment.left;
      const { signal } = options;
      const stop = (): void => {
        this.#drop(shipment, notHandedOver());
      };
      shipment.stop = () => signal?.removeEventListener("abort", stop);
      if (signal?.aborted) stop();
      else signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /** Hands over as much as the window takes. */
  #load(shipment: Shipment): void {
    const { maxUnacked } = this.#settings;
    while (!shipment.isLoaded && this.#sent.size < maxUnacked && this.#link.client) {
      const index = shipment.next++;
      const message = shipment.batch[index] as WireMessage;
      const sent = new Sent(shipment, index, (token) => this.#left(token));
      try {
        const headers = { ...message.headers, "Nats-Msg-Id": messageId(shipment.topic, message.id) };
        sent.token = this.#link.ask(sent, message.body, headers);
        this.#sent.set(sent.token, sent);
      } catch (error) {
        shipment.settle(index, { state: "rejected", error });
      }
    }
    if (!shipment.isLoaded && !this.#link.client && !this.#settings.waitForConnection) shipment.refuseRest(this.#link.downError());
    this.#sweep ??= this.#sent.size === 0 ? undefined : setInterval(() => this.#giveUpLate(), SWEEP_MS).unref();
  }

  #left(token: string): void {
    this.#sent.delete(token);
    this.#roomMade();
  }

  /**
   * No stream answered: during an election of its leader, before JetStream has started, or because there is none. The messages that got no
   * answer go again in their order, except where a later one of the same key was taken meanwhile.
   */
  async #retry(
    topic: string,
    batch: readonly WireMessage[],
    first: PublishOutcome[],
    options: DriverPublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const { clock, noStreamRetryMs } = this.#settings;
    const outcomes = first;
    const until = clock.now() + noStreamRetryMs;
    for (let pauseMs = FIRST_RETRY_MS; outcomes.includes(NOBODY) && clock.now() < until; pauseMs *= 2) {
      refuseOvertaken(batch, outcomes);
      const again = [...outcomes.keys()].filter((index) => outcomes[index] === NOBODY);
      try {
        await delay(pauseMs, clock, options.signal);
        this.#streams.doubt();
        await this.#prepare(options.signal);
      } catch (error) {
        return outcomes.map((outcome) => (outcome === NOBODY ? { state: "rejected", error } : outcome));
      }
      const now = await this.#send(
        topic,
        again.map((index) => batch[index] as WireMessage),
        options,
      );
      for (const [i, index] of again.entries()) outcomes[index] = now[i] as PublishOutcome;
    }
    return outcomes.map((outcome) => (outcome === NOBODY ? { state: "rejected", error: this.#noStream(topic) } : outcome));
  }

  #noStream(topic: string): OmniError {
    const { prefix, stream } = this.#settings;
    const subject = subjectOf(prefix, topic);
    const reason = `no stream covers the topic: nobody answers on the subject "${subject}"; add it to the subjects of the stream "${stream}", or correct the options \`stream\` and \`subjectPrefix\``;
    return new OmniError("NOT_FOUND", { reason, outcome: "not-applied" });
  }

  #roomMade(): void {
    for (const shipment of this.#waiting) {
      const { left } = shipment;
      this.#load(shipment);
      this.#held -= left - shipment.left;
      if (!shipment.isLoaded) return;
      this.#waiting.delete(shipment);
    }
    if (this.#sent.size === 0 && this.#sweep) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
  }

  /** The connection is there again, or lost: what waits goes, or is refused. */
  #changed(): void {
    if (this.#link.client) this.#roomMade();
    if (this.#link.client || (this.#settings.waitForConnection && this.#link.isOpen)) return;
    for (const shipment of this.#waiting) this.#drop(shipment, this.#link.downError());
  }

  /** What waits of a batch will not be handed over. */
  #drop(shipment: Shipment, error: unknown): void {
    if (!this.#waiting.delete(shipment)) return;
    this.#held -= shipment.left;
    shipment.refuseRest(error);
  }

  /** What nobody waits for any longer takes no room. */
  #giveUpLate(): void {
    const now = this.#settings.clock.now();
    const reason = "the broker gave no word before the deadline";
    for (const [token, sent] of this.#sent) {
      if (sent.shipment.deadline > now) continue;
      this.#link.forget(token);
      sent.onFailure(new OmniError("TIMEOUT", { reason }), false);
    }
  }
}

/** A message that was handed over. */
class Sent implements ReplyHandler {
  readonly shipment: Shipment;
  readonly #index: number;
  readonly #left: (token: string) => void;
  token = "";

  constructor(shipment: Shipment, index: number, left: (token: string) => void) {
    this.shipment = shipment;
    this.#index = index;
    this.#left = left;
  }

  get subject(): string {
    return this.shipment.subject;
  }

  onReply(message: NatsMessage): void {
    this.#settle(outcomeOf(message));
  }

  onFailure(error: unknown, refused: boolean): void {
    this.#settle({ state: refused ? "rejected" : "unknown", error });
  }

  #settle(outcome: PublishOutcome): void {
    this.shipment.settle(this.#index, outcome);
    this.#left(this.token);
  }
}

/** A batch on its way. */
class Shipment {
  readonly subject: string;
  readonly topic: string;
  readonly batch: readonly WireMessage[];
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly #outcomes: PublishOutcome[];
  readonly #resolve: (outcomes: PublishOutcome[]) => void;
  /** Index of the first message that was not handed over. */
  next = 0;
  stop: (() => void) | undefined;
  #open: number;

  constructor(
    subject: string,
    topic: string,
    batch: readonly WireMessage[],
    deadline: number | undefined,
    resolve: (outcomes: PublishOutcome[]) => void,
  ) {
    this.subject = subject;
    this.topic = topic;
    this.batch = batch;
    this.deadline = deadline ?? Number.POSITIVE_INFINITY;
    this.#outcomes = new Array(batch.length);
    this.#open = batch.length;
    this.#resolve = resolve;
  }

  get isLoaded(): boolean {
    return this.next === this.batch.length;
  }

  /** Messages that were not handed over. */
  get left(): number {
    return this.batch.length - this.next;
  }

  settle(index: number, outcome: PublishOutcome): void {
    this.#outcomes[index] = outcome;
    this.#open -= 1;
    if (this.#open > 0) return;
    this.stop?.();
    this.#resolve(this.#outcomes);
  }

  /** What was not handed over will not be. */
  refuseRest(error: unknown): void {
    for (let index = this.next; index < this.batch.length; index++) {
      this.next = index + 1;
      this.settle(index, { state: "rejected", error });
    }
  }
}

function outcomeOf(message: NatsMessage): PublishOutcome {
  if (message.status === 503) return NOBODY;
  let answer: {
    readonly stream?: string;
    readonly seq?: number;
    readonly duplicate?: boolean;
    readonly error?: ConstructorParameters<typeof ApiError>[0];
  };
  try {
    answer = JSON.parse(decoder.decode(message.body));
  } catch (error) {
    return { state: "unknown", error };
  }
  if (answer.error) return { state: "rejected", error: new ApiError(answer.error) };
  if (answer.stream === undefined || answer.seq === undefined)
    return { state: "unknown", error: new Error("something that is no stream answered on the subject of the topic") };
  const position = { stream: answer.stream, sequence: String(answer.seq) };
  return { state: answer.duplicate === true ? "duplicate" : "acked", position };
}

/** A message is not sent again when a later one of its key was taken: it would come after it. */
function refuseOvertaken(batch: readonly WireMessage[], outcomes: PublishOutcome[]): void {
  const taken = new Set<string>();
  for (let index = batch.length - 1; index >= 0; index--) {
    const { key } = batch[index] as WireMessage;
    if (key === undefined) continue;
    const outcome = outcomes[index] as PublishOutcome;
    if (outcome !== NOBODY && outcome.state !== "rejected") taken.add(key);
    else if (outcome === NOBODY && taken.has(key)) {
      const reason =
        "the stream answered for a later message of the same key and not for this one: publish it again if its order does not matter";
      outcomes[index] = { state: "rejected", error: new OmniError("UNAVAILABLE", { reason, outcome: "not-applied" }) };
    }
  }
}

function notHandedOver(): OmniError {
  const reason = "the deadline passed before the message was handed over: too many publishes wait for the broker's word";
  return new OmniError("TIMEOUT", { reason, outcome: "not-applied" });
}
