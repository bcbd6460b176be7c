import type { DeadlineEntry, DeadlineList } from "./deadline-list.ts";
import type { DriverPublishOptions, PublishOutcome } from "./driver.ts";
import type { WireMessage } from "./envelope.ts";
import type { Message } from "./message.ts";
import type { PublishResult } from "./provider.ts";

/** How a publish stands. */
export type PublishState = "waiting" | "sent" | "settled";

/** Who is told of a message's end. */
export interface PublishOwner {
  /** The broker's word on a message, or what stands for it. */
  settled(entry: PublishEntry, outcome: PublishOutcome): PublishResult;
  /** The message's time is over. */
  expired(entry: PublishEntry): void;
}

/** One message on its way to the broker. */
export class PublishEntry implements DeadlineEntry {
  readonly message: Message;
  readonly wire: WireMessage;
  readonly deadlines: DeadlineList;
  previous: DeadlineEntry | undefined = undefined;
  next: DeadlineEntry | undefined = undefined;
  dueAt: number;
  state: PublishState = "waiting";
  parcel: Parcel | undefined = undefined;
  /** How it ended. What ends at once costs no promise. */
  result: PublishResult | undefined = undefined;
  readonly #owner: PublishOwner;
  #onEnd: ((result: PublishResult) => void) | undefined = undefined;

  constructor(message: Message, wire: WireMessage, deadlines: DeadlineList, dueAt: number, owner: PublishOwner) {
    this.message = message;
    this.wire = wire;
    this.deadlines = deadlines;
    this.dueAt = dueAt;
    this.#owner = owner;
  }

  /** Resolves when it has ended. Asked for once. */
  end(): Promise<PublishResult> {
    if (this.result) return Promise.resolve(this.result);
    return new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }

  /** The first word counts; what a broker says later is too late. */
  settle(outcome: PublishOutcome): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.deadlines.remove(this);
    this.parcel?.left();
    const result = this.#owner.settled(this, outcome);
    this.result = result;
    this.#onEnd?.(result);
  }

  expire(): void {
    if (this.state !== "settled") this.#owner.expired(this);
  }
}

/** The messages of one call to the driver, and what the driver sees as the call's options. */
export class Parcel implements DriverPublishOptions {
  readonly topic: string;
  readonly entries: readonly PublishEntry[];
  #open: number;
  #controller: AbortController | undefined;
  #reason: unknown;
  #told: ((reason: unknown) => void)[] | undefined;

  constructor(topic: string, entries: readonly PublishEntry[]) {
    this.topic = topic;
    this.entries = entries;
    this.#open = entries.length;
    for (const entry of entries) {
      entry.parcel = this;
      entry.state = "sent";
    }
  }

  /** Made when asked for: a driver that never waits does not pay for it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get deadline(): number | undefined {
    let latest = 0;
    for (const entry of this.entries) latest = Math.max(latest, entry.dueAt);
    return latest === 0 ? undefined : latest;
  }

  /** How many of its messages nobody has given a word on. */
  get open(): number {
    return this.#open;
  }

  left(): void {
    this.#open -= 1;
  }

  /** Tells the driver to give up. */
  abort(reason: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const tell of this.#told ?? []) tell(reason);
  }

  onAbort(tell: (reason: unknown) => void): void {
    if (this.#reason !== undefined) tell(this.#reason);
    else if (this.#told) this.#told.push(tell);
    else this.#told = [tell];
  }
}
