import { type Clock, delay, systemClock } from "../../clock.ts";
import { OmniError } from "../../error.ts";
import type { DriverDelivery, DriverPublishOptions, DriverSubscription, PublishOutcome, QueueDriver } from "../../queue/driver.ts";
import type { WireMessage } from "../../queue/envelope.ts";
import type { QueueProvider } from "../../queue/provider.ts";
import { layerQueue } from "../../queue/queue.ts";
import { Gate } from "../gate.ts";

/** Where a fault strikes: a call of `publish`, an acknowledgement, or a message that is handed to a consumer. */
export type QueueFaultPlace = "publish" | "ack" | "deliver";

/** What a fault does. */
export type QueueFaultAction =
  /** Of `publish` rejects without asking the broker; of `ack` fails without acknowledging. */
  | "fail"
  /** Waits `delayMs` first. */
  | "delay"
  /** Does not go on until `release()`, or the call is aborted; of `publish` nothing was handed over before. */
  | "hang"
  /** The broker does it and its word is lost: `publish` never settles, `ack` says nothing went wrong though it was not sent. */
  | "drop-ack"
  /** Of `publish` only: the broker does it, and the caller is told that nobody knows. */
  | "fail-after-commit"
  /** Of `publish` only: the caller is told that nobody knows; the broker does it at `flush()`. */
  | "apply-late"
  /** Of `publish` it happens twice; of `deliver` the message comes twice, the copy's settles have no effect. */
  | "duplicate"
  /** Of `publish` it happens after the next call, or at `flush()`; of `deliver` the next message comes first. */
  | "reorder";

/** One fault of a plan. All conditions given must hold. */
export interface QueueFault {
  readonly on: QueueFaultPlace;
  readonly do: QueueFaultAction;
  /** Strikes only for calls of which a message makes this true. @default all */
  readonly when?:
    | ((message: { readonly topic: string; readonly id: string; readonly key: string | undefined }) => boolean)
    | undefined;
  /** Strikes at this call of those that match, counted from 1, and those after it. @default 1 */
  readonly nth?: number | undefined;
  /** How often it strikes. @default for ever */
  readonly times?: number | undefined;
  /** Milliseconds of `delay`. @default 100 */
  readonly delayMs?: number | undefined;
  /** What the caller is told. @default UNAVAILABLE */
  readonly error?: Error | undefined;
}

/** The strings of the puppets. */
export interface QueueFaultControl {
  /** What struck, in order. */
  readonly log: readonly { readonly on: QueueFaultPlace; readonly do: QueueFaultAction; readonly topic: string }[];
  /** Takes every fault away; what hangs or is late stays so. */
  clear(): void;
  /** Resolves when faults have struck so often in all, from the start. */
  struck(times?: number): Promise<void>;
  /** Lets everything go on that hangs. */
  release(): void;
  /** Lets late effects happen, the oldest first. */
  flush(): Promise<void>;
}

const PUBLISH_ONLY: readonly QueueFaultAction[] = ["fail-after-commit", "apply-late"];
const NOT_OF_ACK: readonly QueueFaultAction[] = ["duplicate", "reorder"];
const NOT_OF_DELIVER: readonly QueueFaultAction[] = ["fail", "drop-ack"];

/**
 * A queue that fails as planned. Effects wait for events, except for `delay`.
 *
 * @param queue stays usable beside it, without faults: to look at what really is there
 * @param plan the first fault that matches strikes
 * @throws OmniError INVALID_ARGUMENT for a fault that the place cannot have
 */
export function faultyQueue<D extends QueueDriver>(
  queue: QueueProvider<D>,
  plan: readonly QueueFault[],
  settings: { readonly clock?: Clock | undefined } = {},
): QueueProvider<D> & { readonly faults: QueueFaultControl } {
  for (const fault of plan) checkFault(fault);
  const puppets = new Puppets(plan, settings.clock ?? systemClock);
  const broken = layerQueue(queue, (driver) => ({
    publish: (topic, batch, options) => puppets.publish(driver, topic, batch, options),
    subscribe: async (topic, options) => puppets.subscription(topic, await driver.subscribe(topic, options)),
    close: async (options) => {
      puppets.release();
      await driver.close?.(options);
    },
  }));
  return Object.defineProperty(broken, "faults", { value: puppets, enumerable: true }) as typeof broken & {
    readonly faults: QueueFaultControl;
  };
}

function checkFault({ on, do: action }: QueueFault): void {
  const wrong =
    (on !== "publish" && PUBLISH_ONLY.includes(action)) ||
    (on === "ack" && NOT_OF_ACK.includes(action)) ||
    (on === "deliver" && NOT_OF_DELIVER.includes(action));
  if (wrong) throw new OmniError("INVALID_ARGUMENT", { reason: `"${action}" cannot strike "${on}"` });
}

class Puppets implements QueueFaultControl {
  readonly log: { readonly on: QueueFaultPlace; readonly do: QueueFaultAction; readonly topic: string }[] = [];
  #rules: { readonly fault: QueueFault; matched: number; struck: number }[];
  readonly #clock: Clock;
  readonly #gate = new Gate();
  readonly #waiting = new Set<() => void>();
  #late: (() => Promise<unknown>)[] = [];

  constructor(plan: readonly QueueFault[], clock: Clock) {
    this.#rules = plan.map((fault) => ({ fault, matched: 0, struck: 0 }));
    this.#clock = clock;
  }

  clear(): void {
    this.#rules = [];
  }

  async struck(times = 1): Promise<void> {
    while (this.log.length < times) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  release(): void {
    this.#gate.open();
  }

  async flush(): Promise<void> {
    const late = this.#late;
    this.#late = [];
    for (const effect of late) await effect();
  }

  async publish(
    driver: QueueDriver,
    topic: string,
    batch: readonly WireMessage[],
    options: DriverPublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const fault = this.#strike("publish", topic, batch);
    const proceed = async (): Promise<readonly PublishOutcome[]> => driver.publish(topic, batch, options);
    const all = (state: "rejected" | "unknown", error: unknown): PublishOutcome[] => batch.map(() => ({ state, error }));
    switch (fault?.do) {
      case "fail":
        return all("rejected", errorOf(fault));
      case "hang":
        return this.#gate.wait(options.signal).then(proceed, (reason: unknown) => all("rejected", reason));
      case "delay":
        return delay(fault.delayMs ?? 100, this.#clock, options.signal).then(proceed, (reason: unknown) => all("rejected", reason));
      case "drop-ack":
        await proceed();
        return new Promise(() => undefined);
      case "fail-after-commit":
        await proceed();
        return all("unknown", errorOf(fault));
      case "apply-late":
        this.#late.push(async () => driver.publish(topic, batch, {}));
        return all("unknown", errorOf(fault));
      case "duplicate": {
        const outcomes = await proceed();
        await driver.publish(topic, batch, options);
        return outcomes;
      }
      case "reorder":
        return new Promise((resolve, reject) => this.#late.push(() => proceed().then(resolve, reject)));
      default: {
        const outcomes = await proceed();
        // What was held back comes after this one.
        await this.flush();
        return outcomes;
      }
    }
  }

  subscription(topic: string, source: DriverSubscription): DriverSubscription {
    const held: DriverDelivery[] = [];
    const next = async (): Promise<DriverDelivery | undefined> => {
      const ready = held.shift();
      if (ready) return ready;
      const delivery = await source.next();
      if (!delivery) return undefined;
      const fault = this.#strike("deliver", topic, [wireOf(delivery)]);
      const wrapped = this.#delivery(topic, delivery);
      if (fault?.do === "duplicate") held.push(copyOf(delivery));
      if (fault?.do === "hang") await this.#gate.wait();
      if (fault?.do === "delay") await delay(fault.delayMs ?? 100, this.#clock);
      if (fault?.do !== "reorder") return wrapped;
      const following = await source.next();
      held.push(wrapped);
      return following ? this.#delivery(topic, following) : held.shift();
    };
    return { next, stop: () => source.stop(), close: () => source.close() };
  }

  #delivery(topic: string, source: DriverDelivery): DriverDelivery {
    const ack = async (): Promise<void> => {
      const fault = this.#strike("ack", topic, [wireOf(source)]);
      if (fault?.do === "drop-ack") return;
      if (fault?.do === "fail") throw errorOf(fault);
      if (fault?.do === "hang") await this.#gate.wait();
      if (fault?.do === "delay") await delay(fault.delayMs ?? 100, this.#clock);
      await source.ack();
    };
    return settlesOf(source, ack);
  }

  #strike(
    on: QueueFaultPlace,
    topic: string,
    batch: readonly { readonly id: string; readonly key: string | undefined }[],
  ): QueueFault | undefined {
    let striking: QueueFault | undefined;
    for (const rule of this.#rules) {
      const { when, nth = 1, times = Number.POSITIVE_INFINITY } = rule.fault;
      if (rule.fault.on !== on || (when && !batch.some(({ id, key }) => when({ topic, id, key })))) continue;
      rule.matched += 1;
      if (striking || rule.matched < nth || rule.struck >= times) continue;
      rule.struck += 1;
      striking = rule.fault;
    }
    if (!striking) return undefined;
    this.log.push({ on, do: striking.do, topic });
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    return striking;
  }
}

function errorOf(fault: QueueFault): Error {
  return fault.error ?? new OmniError("UNAVAILABLE", { reason: `a fault of the plan: ${fault.do} on ${fault.on}` });
}

function wireOf(delivery: DriverDelivery): { readonly id: string; readonly key: string | undefined } {
  const { headers, key } = delivery.message;
  return { id: headers["omni-id"] ?? "", key: headers["omni-key"] ?? key };
}

function settlesOf(source: DriverDelivery, ack: () => Promise<void>): DriverDelivery {
  return {
    message: source.message,
    attempt: source.attempt,
    get signal() {
      return source.signal;
    },
    owned: () => source.owned?.() ?? true,
    ack,
    nack: (delayMs) => source.nack(delayMs),
    term: (reason) => source.term(reason),
    extend: () => source.extend(),
  };
}

/** The same message once more: as from another broker, which knows nothing of the first one's settles. */
function copyOf(source: DriverDelivery): DriverDelivery {
  const nothing = (): void => undefined;
  return { message: source.message, attempt: source.attempt, ack: nothing, nack: nothing, term: nothing, extend: nothing };
}
