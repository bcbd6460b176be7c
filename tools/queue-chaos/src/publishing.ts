import { setTimeout as sleep } from "node:timers/promises";
import { type MemberOutcome, MultiError, OmniError } from "@omni/core";
import type { QueueProvider } from "@omni/core/queue";

/** How often the queue said what. */
export type Words = Readonly<Record<Word, number>>;

type Word = "acked" | "duplicate" | "rejected" | "unknown";

/** What the queue said of each message. */
export class PublishLedger {
  /** Acknowledged in the end, or held already. */
  readonly acked = new Set<string>();
  /** Given up while the last word was "unknown": they may or may not be handled. */
  readonly unknown = new Set<string>();
  /** Given up after nothing but "rejected": they must never be handled. */
  readonly rejected = new Set<string>();
  /** Of a queue over several brokers: acknowledged by one at least, whatever the queue said of them. They have to be handled. */
  readonly held = new Set<string>();
  /** Words of the queue, of every attempt. */
  readonly words = { acked: 0, duplicate: 0, rejected: 0, unknown: 0 };
  /** What the contract does not allow. */
  readonly violations: string[] = [];
}

const REST_MS = 20;

/** How to publish. */
export interface LoadOptions {
  readonly queue: QueueProvider;
  readonly topic: string;
  readonly ledger: PublishLedger;
  /** Publishers that each have one message under way. */
  readonly publishers: number;
  /** Milliseconds that a publisher rests after each message. */
  readonly pauseMs: number;
  /** Milliseconds until a publish is unknown. */
  readonly timeoutMs: number;
  /** Publishers rest while it says so: what nobody handles need not pile up. @default never */
  readonly rests?: (() => boolean) | undefined;
}

/**
 * Publishes until it is stopped. A message whose outcome is unknown, or that was rejected for now, is tried again under its id, except one in four: so that
 * there are messages whose last word is "unknown", and messages of which the queue said nothing but "rejected".
 */
export class Load {
  readonly #options: LoadOptions;
  readonly #prefix: string;
  readonly #running: Promise<unknown>;
  #stopped = false;
  #until = Number.POSITIVE_INFINITY;
  #count = 0;

  constructor(options: LoadOptions, prefix: string) {
    this.#options = options;
    this.#prefix = prefix;
    this.#running = Promise.all(Array.from({ length: options.publishers }, (_, who) => this.#publish(who)));
    // Awaited by `stop`.
    this.#running.catch(() => undefined);
  }

  /** Resolves when every message has its last word; what is not acknowledged after so many milliseconds is a violation. */
  async stop(settleMs: number): Promise<void> {
    this.#stopped = true;
    this.#until = performance.now() + settleMs;
    await this.#running;
  }

  async #publish(who: number): Promise<void> {
    while (!this.#stopped) {
      if (this.#options.rests?.()) {
        await sleep(REST_MS);
        continue;
      }
      this.#count += 1;
      const id = `${this.#prefix}-${who}-${this.#count}`;
      await this.#publishOne(id, `key-${who}`, this.#count % 4 === 0);
      await sleep(this.#options.pauseMs);
    }
  }

  async #publishOne(id: string, key: string, givesUp: boolean): Promise<void> {
    const { queue, topic, ledger, timeoutMs } = this.#options;
    for (let wasUnknown = false; ; ) {
      const word = await attempt(() => queue.publish({ topic, id, key, data: id }, { timeoutMs }), id, ledger);
      ledger.words[word] += 1;
      if (word === "acked" || word === "duplicate") {
        ledger.acked.add(id);
        return;
      }
      wasUnknown ||= word === "unknown";
      const isOver = performance.now() > this.#until;
      if (isOver) ledger.violations.push(`message ${id} was not acknowledged in time`);
      if (givesUp || isOver) {
        (wasUnknown ? ledger.unknown : ledger.rejected).add(id);
        return;
      }
      await sleep(20);
    }
  }
}

async function attempt(
  publish: () => Promise<{ readonly state: Word; readonly outcomes?: readonly MemberOutcome[] | undefined }>,
  id: string,
  ledger: PublishLedger,
): Promise<Word> {
  try {
    const { state, outcomes = [] } = await publish();
    note(id, outcomes, ledger);
    return state;
  } catch (error) {
    // Of several members one may hold what the queue as a whole refused.
    if (MultiError.is(error)) note(id, await settled(error), ledger);
    if (OmniError.is(error, "IN_DOUBT")) return "unknown";
    if (MultiError.is(error) && error.outcome !== "not-applied") return "unknown";
    if (OmniError.is(error) && error.outcome === "not-applied") {
      if (!error.retryable) ledger.violations.push(`rejected for good: ${error.message}`);
      return "rejected";
    }
    ledger.violations.push(`neither acked, rejected nor unknown: ${String(error)}`);
    return "unknown";
  }
}

function note(id: string, outcomes: readonly MemberOutcome[], ledger: PublishLedger): void {
  if (outcomes.some(({ state }) => state === "acked" || state === "duplicate")) ledger.held.add(id);
}

/** How all members ended, where the queue did not wait for them. */
async function settled(error: MultiError): Promise<readonly MemberOutcome[]> {
  const { settled = error.outcomes } = error as { readonly settled?: Promise<readonly MemberOutcome[]> };
  return settled;
}
