import type { ChannelReader, Step } from "./channel-reader.ts";
import type { ChannelWriter } from "./channel-writer.ts";
import { Competition, type Delivery, Subscription } from "./delivery.ts";
import { Epoch } from "./epoch.ts";
import { ENDED, type Failure, readerError, retainError, writerError } from "./errors.ts";
import { MessageRing } from "./message-ring.ts";
import type { ChannelSettings } from "./options.ts";
import { CompetitionWithReplay, SubscriptionWithReplay } from "./replay.ts";

/** What `send` gives when there was room: one promise for all. */
export const ROOM: Promise<void> = Promise.resolve();

/** For so many microtasks without a message a writer counts as pausing; a few may lie between two writes of a busy one. */
const IDLE_TURNS = 4;

/** Who sends: a writer, or one broadcast. */
export interface Sender {
  /** How many of its messages wait. */
  waiting: number;
  /** One of its messages waits no more. */
  admitted(): void;
}

/** A message that waits for room. */
interface WaitingWrite {
  readonly message: Uint8Array;
  readonly sender: Sender;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A `next()` that waits for a message. */
interface WaitingRead {
  readonly reader: ChannelReader;
  readonly resolve: (step: Step) => void;
  readonly reject: (reason: unknown) => void;
}

export const DONE: Step = { done: true, value: undefined };

/** One path: its messages, its epochs (ended ones that are not drained, then at most one open one), and who waits for what. */
export class Channel {
  readonly path: string;
  readonly ring: MessageRing = new MessageRing();
  readonly #settings: ChannelSettings;
  readonly #delivery: Delivery;
  readonly #onGone: (channel: Channel) => void;
  #epochs: Epoch[] = [];
  readonly #writes: Set<WaitingWrite> = new Set();
  readonly #reads: Set<WaitingRead> = new Set();
  /** When the first message was stored. */
  #since = 0;
  /** Whether waiting readers will be woken in this turn. */
  #waking = false;
  #wakeFrom = 0;
  #lastEnd = 0;
  #idleTurns = 0;

  /**
   * @param path its name
   * @param settings of the backend
   * @param onGone called when nothing is left of it: no reader, no writer, no message
   */
  constructor(path: string, settings: ChannelSettings, onGone: (channel: Channel) => void) {
    this.path = path;
    this.#settings = settings;
    this.#onGone = onGone;
    this.#delivery = deliveryFor(settings, this.ring);
  }

  /** The epoch that readers and writers may join, if one is open. */
  get current(): Epoch | undefined {
    const last = this.#epochs.at(-1);
    return last?.isOpen ? last : undefined;
  }

  /** How many readers and writers its epochs have. */
  get population(): { readonly readers: number; readonly writers: number } {
    let readers = 0;
    for (const epoch of this.#epochs) readers += epoch.readers.size;
    return { readers, writers: this.current?.writers.size ?? 0 };
  }

  /** How many calls wait here. */
  get waiting(): { readonly reads: number; readonly writes: number } {
    return { reads: this.#reads.size, writes: this.#writes.size };
  }

  /** A writer joins the open epoch, or opens the next. */
  joinWriter(writer: ChannelWriter): Epoch {
    const epoch = this.current ?? this.#open();
    epoch.writers.add(writer);
    epoch.hadWriter = true;
    return epoch;
  }

  /** A reader joins: what waits from ended epochs comes first; a persistent channel is replayed whole, up to its last epoch. */
  joinReader(reader: ChannelReader): Epoch {
    const epoch = (this.#settings.persistent ? this.#epochs.at(-1) : this.#epochs[0]) ?? this.#open();
    epoch.readers.add(reader);
    this.#delivery.join(reader, epoch);
    return epoch;
  }

  /**
   * Takes a message in, or makes its sender wait.
   *
   * @param message the channel's own copy
   * @param sender who is told when it no longer waits
   * @throws OmniError QUEUE_FULL past a bound of `retain`
   */
  send(message: Uint8Array, sender: Sender): Promise<void> {
    if (this.#settings.persistent) this.#checkRetain(message);
    else if (this.#writes.size > 0 || this.ring.length >= this.#settings.bufferSize) return this.#wait(message, sender);
    this.#accept(message);
    return ROOM;
  }

  /** Whether a message would be taken in at once. */
  get hasRoom(): boolean {
    return this.#settings.persistent || (this.#writes.size === 0 && this.ring.length < this.#settings.bufferSize);
  }

  /** The next message for a reader, if there is one. */
  take(reader: ChannelReader): Uint8Array | undefined {
    const message = this.#delivery.take(reader);
    if (message !== undefined && (this.#writes.size > 0 || !reader.epoch.isOpen)) this.#settle();
    return message;
  }

  /** The next message for a reader, when there is one. */
  await(reader: ChannelReader): Promise<Step> {
    reader.waiting++;
    return new Promise((resolve, reject) => {
      this.#reads.add({ reader, resolve, reject });
    });
  }

  /** A writer has closed. With the last one its epoch ends. */
  leaveWriter(writer: ChannelWriter, epoch: Epoch): void {
    epoch.writers.delete(writer);
    if (epoch.writers.size > 0) return;
    this.#end(epoch);
    this.#settle();
  }

  /** A reader goes; what it waits for ends. */
  leaveReader(reader: ChannelReader, failed?: { readonly error: unknown }): void {
    const { epoch } = reader;
    if (!epoch.readers.delete(reader)) return;
    this.#delivery.leave(reader);
    for (const waiting of this.#reads) {
      if (waiting.reader !== reader) continue;
      this.#reads.delete(waiting);
      reader.waiting--;
      if (failed) waiting.reject(failed.error);
      else waiting.resolve(DONE);
    }
    // Broadcasts to readers alone go with the last of these: nobody wrote to the path.
    if (epoch.isOpen && !epoch.hadWriter && epoch.readers.size === 0) this.#withdraw(epoch, ENDED);
    this.#settle();
  }

  /** Withdraws what waits, of one sender or of all. */
  withdraw(sender: Sender | undefined, reason: unknown): void {
    for (const waiting of this.#writes) {
      if (sender !== undefined && waiting.sender !== sender) continue;
      this.#writes.delete(waiting);
      waiting.sender.waiting--;
      waiting.reject(reason);
    }
  }

  /** Ends the open epoch with a failure: its readers and writers reject, what they did not take is withdrawn. */
  fail(epoch: Epoch, failure: Failure): void {
    if (!epoch.isOpen) return;
    this.#withdraw(epoch, failure);
    this.#settle();
  }

  /** Ends everything here with a failure. */
  remove(failure: Failure): void {
    for (const epoch of [...this.#epochs].reverse()) this.#withdraw(epoch, failure);
    // What earlier epochs stored goes, too.
    this.ring.truncate(this.ring.first);
    this.#epochs = [];
    this.#settle();
  }

  #open(): Epoch {
    const epoch = new Epoch(this.ring.end);
    this.#epochs.push(epoch);
    this.#delivery.opened();
    return epoch;
  }

  #wait(message: Uint8Array, sender: Sender): Promise<void> {
    sender.waiting++;
    const room = new Promise<void>((resolve, reject) => {
      this.#writes.add({ message, sender, resolve, reject });
    });
    // A writer that does not await its writes learns of a failure from close().
    room.catch(() => {});
    return room;
  }

  #checkRetain(message: Uint8Array): void {
    const { retain, clock } = this.#settings;
    const { ring, path } = this;
    if (ring.length >= retain.messages) throw retainError(path, "messages", retain.messages);
    if (ring.bytes + message.byteLength > retain.bytes) throw retainError(path, "bytes", retain.bytes);
    if (retain.ageMs === Number.POSITIVE_INFINITY) return;
    if (ring.length === 0) this.#since = clock.now();
    if (clock.now() - this.#since > retain.ageMs) throw retainError(path, "ageMs", retain.ageMs);
  }

  #accept(message: Uint8Array): void {
    this.ring.push(message);
    if (this.#reads.size === 0 || this.#waking) return;
    this.#waking = true;
    this.#wakeFrom = this.#lastEnd = this.ring.end;
    this.#idleTurns = 0;
    queueMicrotask(this.#wake);
  }

  /**
   * Waiting readers are woken when the writer pauses or half of the buffer is full, all within the microtasks of one turn: a writer that is ahead
   * and a reader that never waits cost half of a reader that is woken for every message.
   */
  readonly #wake = (): void => {
    const { end } = this.ring;
    if (end === this.#lastEnd) this.#idleTurns++;
    else this.#idleTurns = 0;
    this.#lastEnd = end;
    if (this.#idleTurns < IDLE_TURNS && this.#writes.size === 0 && end - this.#wakeFrom < this.#settings.bufferSize >> 1)
      queueMicrotask(this.#wake);
    else this.#deliver();
  };

  #deliver(): void {
    this.#waking = false;
    for (const waiting of this.#reads) {
      const value = this.#delivery.take(waiting.reader);
      if (value === undefined && this.#delivery.exclusive) break;
      if (value === undefined) continue;
      this.#reads.delete(waiting);
      waiting.reader.waiting--;
      waiting.resolve({ done: false, value });
    }
    if (this.#writes.size > 0) this.#admit();
  }

  /** Lets waiting messages in once half of the buffer is free: waking a writer for every message would cost more than the message. */
  #admit(): void {
    const { bufferSize } = this.#settings;
    if (this.#writes.size === 0 || this.ring.length > bufferSize >> 1) return;
    for (const waiting of this.#writes) {
      if (this.ring.length >= bufferSize) return;
      this.#writes.delete(waiting);
      this.#accept(waiting.message);
      waiting.resolve();
      waiting.sender.waiting--;
      waiting.sender.admitted();
    }
  }

  /** After messages left or an epoch ended: who can go on goes on, what is drained is forgotten. */
  #settle(): void {
    this.#admit();
    const { ring } = this;
    const keeps = this.#settings.persistent && ring.length > 0;
    if (keeps && this.#epochs.length === 0) this.#epochs.push(ended(ring));
    while (this.#epochs.length > (keeps ? 1 : 0)) {
      const oldest = this.#epochs[0] as Epoch;
      if (oldest.isOpen || (keeps ? oldest.readers.size > 0 : ring.first < oldest.end)) return;
      this.#epochs.shift();
    }
    if (this.#epochs.length === 0) this.#onGone(this);
  }

  #end(epoch: Epoch): void {
    epoch.end = this.ring.end;
    // A writer closes when nothing of it waits: what still waits are broadcasts, which come too late. First of all, since what is taken below makes room.
    if (this.#writes.size > 0) this.withdraw(undefined, writerError(ENDED, this.path));
    this.#deliver();
    this.#delivery.ended(epoch);
    for (const { reader } of this.#reads) if (reader.epoch === epoch) reader.finish();
  }

  /** Ends an epoch and takes back its messages that were not taken. */
  #withdraw(epoch: Epoch, failure: Failure): void {
    epoch.failure = failure;
    epoch.end = epoch.start;
    const refusal = writerError(failure, this.path);
    this.withdraw(undefined, refusal);
    for (const writer of epoch.writers) writer.failed(refusal);
    for (const reader of epoch.readers) reader.fail(readerError(failure, this.path));
    this.ring.truncate(epoch.start);
    this.#delivery.truncated(this.ring.end);
    this.#epochs = this.#epochs.filter((other) => other !== epoch);
  }
}

/** Stands for the epochs whose messages are stored, when the last one was withdrawn. */
function ended(ring: MessageRing): Epoch {
  const epoch = new Epoch(ring.first);
  epoch.end = ring.end;
  return epoch;
}

function deliveryFor({ mode, persistent }: ChannelSettings, ring: MessageRing): Delivery {
  if (mode === "queue") return persistent ? new CompetitionWithReplay(ring) : new Competition(ring);
  return persistent ? new SubscriptionWithReplay(ring) : new Subscription(ring);
}
