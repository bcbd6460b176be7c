import { type Clock, delay, type Logger, OmniError } from "@omni/core";
import { type DriverDelivery, type DriverSubscribeOptions, type DriverSubscription, toBackoff } from "@omni/core/queue";
import type { Member } from "./member.ts";

/** What a feed works with. */
export interface FeedParts {
  readonly member: Member;
  /** Logical. */
  readonly topic: string;
  readonly options: Omit<DriverSubscribeOptions, "signal">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds that the broker may be disconnected before it counts as down. */
  readonly downAfterMs: number;
  /** A message came. */
  take(delivery: DriverDelivery, feed: Feed): void;
  /** The broker is down, or the subscription ended: what was handed over is the broker's again where `lost`. */
  down(feed: Feed, lost: boolean): void;
}

/** What one member delivers to a subscription of the composite; subscribes again when it could not go on. */
export class Feed {
  readonly member: Member;
  readonly #parts: FeedParts;
  readonly #stop = new AbortController();
  readonly #backoff = toBackoff({ minMs: 500, maxMs: 30_000 });
  #source: DriverSubscription | undefined;
  #pulling = false;
  #restarting = false;
  #downTimer: unknown;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.member = parts.member;
  }

  /** Subscribes. @throws OmniError what the member's driver said, or TIMEOUT */
  async open(signal?: AbortSignal): Promise<void> {
    const { member, topic, options, clock } = this.#parts;
    const giveUp = new AbortController();
    const follow = (): void => giveUp.abort(signal?.reason ?? this.#stop.signal.reason);
    const reason = new OmniError("TIMEOUT", { reason: `not subscribed within ${member.timeoutMs} ms` });
    const timer = clock.setTimeout(() => giveUp.abort(reason), member.timeoutMs);
    const signals = [signal, this.#stop.signal].filter((one) => one !== undefined);
    for (const one of signals) one.addEventListener("abort", follow, { once: true });
    if (signals.some((one) => one.aborted)) follow();
    const given = { ...options, onEvent: (event: Event) => this.#onEvent(event), signal: giveUp.signal };
    try {
      this.#source = await orAborted((async () => member.driver.subscribe(member.topicOf(topic), given))(), giveUp.signal, (late) =>
        late.close().catch((error) => this.#say("closing a subscription that came too late failed", error)),
      );
    } catch (error) {
      throw member.wrap("subscribe", error);
    } finally {
      clock.clearTimeout(timer);
      for (const one of signals) one.removeEventListener("abort", follow);
    }
  }

  /** Asks for messages while there is room for them. */
  async pull(hasRoom: () => boolean): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    while (this.#source && hasRoom() && !this.#stop.signal.aborted) {
      try {
        const delivery = await this.#source.next();
        if (!delivery) break;
        this.#parts.take(delivery, this);
      } catch (error) {
        this.#say("a member cannot go on delivering", error);
        await this.#lose();
        this.#pulling = false;
        void this.restart(hasRoom);
        return;
      }
    }
    this.#pulling = false;
  }

  /** Subscribes again, after a wait that grows, until it succeeds or is stopped. */
  async restart(hasRoom: () => boolean): Promise<void> {
    if (this.#restarting) return;
    this.#restarting = true;
    const { clock } = this.#parts;
    for (let attempt = 1; !this.#stop.signal.aborted && !this.#source; attempt++) {
      try {
        await delay(this.#backoff(attempt), clock, this.#stop.signal);
        await this.open();
      } catch (error) {
        if (!this.#stop.signal.aborted) this.#say("a member still cannot be read", error);
      }
    }
    this.#restarting = false;
    await this.pull(hasRoom);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new OmniError("BACKEND_CLOSED", { reason: "the subscription is closed" }));
    this.#parts.clock.clearTimeout(this.#downTimer);
    await this.#source?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#source?.close();
  }

  async #lose(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    await source?.close().catch((error: unknown) => this.#say("closing a subscription failed", error));
    this.#parts.down(this, true);
  }

  #onEvent(event: Event): void {
    const { clock, options, downAfterMs } = this.#parts;
    options.onEvent?.({ ...event, reason: event.reason ? `${this.member.name}: ${event.reason}` : this.member.name });
    clock.clearTimeout(this.#downTimer);
    this.#downTimer = undefined;
    if (event.type !== "disconnected" || this.#stop.signal.aborted) return;
    this.#downTimer = clock.setTimeout(() => this.#parts.down(this, false), downAfterMs);
  }

  #say(what: string, error: unknown): void {
    const { logger, topic } = this.#parts;
    logger.warn({ provider: this.member.driver.name, member: this.member.name, topic, error: String(error) }, what);
  }
}

type Event = Parameters<NonNullable<DriverSubscribeOptions["onEvent"]>>[0];

/** Ends with the signal whether the call listens to it or not; what comes too late is handed to `late`. */
function orAborted<T>(call: Promise<T>, signal: AbortSignal, late: (result: T) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    let open = true;
    const stop = (): void => {
      open = false;
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    call.then(
      (result) => {
        signal.removeEventListener("abort", stop);
        if (open) resolve(result);
        else late(result);
      },
      (error) => {
        signal.removeEventListener("abort", stop);
        reject(error);
      },
    );
  });
}
