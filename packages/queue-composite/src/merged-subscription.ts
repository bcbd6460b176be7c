import { type Clock, type Logger, OmniError } from "@omni/core";
import {
  type DriverDelivery,
  type DriverSubscribeOptions,
  type DriverSubscription,
  decodeMessage,
  type EnvelopeForm,
  HEADER,
  type ReceivedMessage,
} from "@omni/core/queue";
import { Feed } from "./feed.ts";
import type { Member } from "./member.ts";
import { MergedDelivery } from "./merged-delivery.ts";
import type { Twins } from "./twins.ts";

/** What a merged subscription works with. */
export interface MergedParts {
  readonly topic: string;
  readonly options: DriverSubscribeOptions;
  readonly readers: readonly Member[];
  /** Who stands in, in order, when a reader is down. */
  readonly standIns: readonly Member[];
  readonly fallbackAfterMs: number;
  readonly form: EnvelopeForm;
  /** Absent: one member delivers, and every delivery goes to the application. */
  readonly twins: Twins | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  onClose(subscription: MergedSubscription): void;
}

/** One subscription over those of several members. Survives that members are down as long as one is not. */
export class MergedSubscription implements DriverSubscription {
  readonly #parts: MergedParts;
  readonly #feeds = new Set<Feed>();
  readonly #standIns: Member[];
  readonly #ready: MergedDelivery[] = [];
  #resolve: ((delivery: DriverDelivery | undefined) => void) | undefined;
  #out = 0;
  #stopped = false;
  #closing: Promise<void> | undefined;
  readonly #hasRoom = (): boolean => !this.#stopped && this.#ready.length === 0 && this.#out < this.#parts.options.maxInFlight;

  constructor(parts: MergedParts) {
    this.#parts = parts;
    this.#standIns = [...parts.standIns];
  }

  /** Resolves when at least one member is subscribed and all have been tried. @throws OmniError of the first member when none is */
  async open(): Promise<void> {
    const { readers, options, logger } = this.#parts;
    const feeds = readers.map((member) => this.#feedOf(member));
    const opened = await Promise.allSettled(feeds.map((feed) => feed.open(options.signal)));
    const errors = opened.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    const fatal = options.signal?.aborted ? options.signal.reason : errors.find((error) => OmniError.is(error, ...FATAL));
    let first: unknown = errors[0];
    if (fatal === undefined && errors.length === readers.length) {
      while (this.#standIns.length > 0) {
        const standIn = this.#feedOf(this.#standIns.shift() as Member);
        const failed = await standIn.open(options.signal).then(
          () => undefined,
          (error: unknown) => error,
        );
        logger.warn(
          { member: readers[0]?.name, standIn: standIn.member.name, error: String(failed ?? first) },
          "reading another member",
        );
        if (failed === undefined) first = undefined;
        else void this.#drop(standIn);
        if (failed === undefined) break;
      }
    }
    if (fatal !== undefined || (errors.length === readers.length && first !== undefined)) {
      await this.close();
      throw fatal ?? first;
    }
    for (const [index, feed] of feeds.entries()) {
      const result = opened[index];
      if (result?.status !== "rejected") continue;
      logger.warn(
        { member: feed.member.name, topic: this.#parts.topic, error: String(result.reason) },
        "a member cannot be read yet",
      );
      void feed.restart(this.#hasRoom);
    }
  }

  next(): Promise<DriverDelivery | undefined> {
    if (this.#stopped) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#flow();
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#resolve?.(undefined);
    this.#resolve = undefined;
    const held = this.#ready.splice(0);
    await Promise.all([...this.#feeds].map((feed) => feed.stop()));
    await Promise.all(held.map((delivery) => delivery.giveBack()));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** A delivery was settled. */
  released(): void {
    this.#out -= 1;
    this.#flow();
  }

  async #close(): Promise<void> {
    await this.stop();
    const { twins, onClose } = this.#parts;
    const closed = await Promise.allSettled([...this.#feeds].map((feed) => feed.close()));
    for (const { member } of this.#feeds) twins?.leave(member, (copy) => copy.owner === this);
    onClose(this);
    const failed = closed.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  #flow(): void {
    if (this.#resolve && this.#out < this.#parts.options.maxInFlight) {
      const delivery = this.#ready.shift();
      if (delivery) {
        const resolve = this.#resolve;
        this.#resolve = undefined;
        this.#out += 1;
        delivery.leave();
        resolve(delivery);
      }
    }
    if (this.#hasRoom()) for (const feed of this.#feeds) void feed.pull(this.#hasRoom);
  }

  #feedOf(member: Member): Feed {
    const { topic, options, clock, logger, fallbackAfterMs: downAfterMs, twins } = this.#parts;
    const { group, from, onEvent } = options;
    // Copies that wait for their twin take places too.
    const maxInFlight = twins ? options.maxInFlight * 2 : options.maxInFlight;
    const feed = new Feed({
      member,
      topic,
      options: { group, from, maxInFlight, onEvent },
      clock,
      logger,
      downAfterMs,
      take: (delivery, from) => this.#take(delivery, from),
      down: (down, lost) => this.#down(down, lost),
    });
    this.#feeds.add(feed);
    return feed;
  }

  #take(delivery: DriverDelivery, { member }: Feed): void {
    const { twins, form } = this.#parts;
    const id = twins && idOf(delivery.message, form);
    const copy = new MergedDelivery(member, delivery, id, twins, this);
    if (id !== undefined) twins?.arrive(id, copy);
    else copy.hand(delivery.attempt);
  }

  /** Puts a delivery where the application finds it; `false` when nobody looks any more. */
  offer(delivery: MergedDelivery): boolean {
    if (this.#stopped) {
      void delivery.giveBack();
      return false;
    }
    this.#ready.push(delivery);
    this.#flow();
    return true;
  }

  #down({ member }: Feed, lost: boolean): void {
    const { twins, options, logger } = this.#parts;
    if (this.#stopped) return;
    if (lost) twins?.leave(member, (copy) => copy.owner === this && copy.member === member);
    const next = this.#standIns.shift();
    if (!next) return;
    logger.warn({ member: member.name, standIn: next.name }, "reading another member");
    const feed = this.#feedOf(next);
    feed.open(options.signal).then(
      () => this.#flow(),
      (error: unknown) => {
        logger.warn({ member: next.name, error: String(error) }, "a member cannot be read yet");
        void feed.restart(this.#hasRoom);
      },
    );
  }

  async #drop(feed: Feed): Promise<void> {
    this.#feeds.delete(feed);
    await feed.close();
  }
}

/** What no other member would take either. */
const FATAL = ["INVALID_ARGUMENT", "NOT_SUPPORTED"] as const;

/** The id that a message was published under; `undefined` for what came from elsewhere, whose copies cannot be told. */
function idOf(message: ReceivedMessage, form: EnvelopeForm): string | undefined {
  const plain = message.headers[HEADER.id];
  if (plain !== undefined) return plain;
  // An id that core makes up begins with the topic, and no id of Omni has a control character.
  const { id } = decodeMessage("\0", message, form);
  return id.startsWith("\0") ? undefined : id;
}
