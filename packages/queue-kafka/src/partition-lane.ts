import { OmniError } from "@omni/core";
import type { PublishOutcome } from "@omni/core/queue";
import type { KafkaClient } from "./client.ts";
import { isWorthRetrying, waitBeforeRetry } from "./connection.ts";
import { isMissingTopic, isRefusal, isSessionError, isStoredAlready } from "./errors.ts";
import type { KafkaSettings } from "./options.ts";
import type { Producers, Session } from "./producers.ts";
import type { Item } from "./publish-job.ts";
import { BATCH_OVERHEAD } from "./record.ts";

const MAX_BATCH_MESSAGES = 5_000;
/** With pauses of up to a second between them: longer than the restart of a broker, or the election of a leader, mostly takes. */
const TRIES_PER_SESSION = 8;
// What gzip adds to what it cannot make smaller.
export const COMPRESSION_SLACK = 1_024;

/** What a lane works with. */
export interface LaneParts {
  readonly topic: string;
  readonly partition: number;
  readonly client: KafkaClient;
  readonly producers: Producers;
  readonly settings: KafkaSettings;
  /** So many messages wait no longer: they are on their way, or given up. */
  onTaken(messages: number): void;
  /** The broker does not know the topic. @throws when it is not there and stays so */
  onMissing(error: unknown): Promise<void>;
}

/** A batch on its way. */
class Shipment {
  items: readonly Item[];
  /** Nobody waits for any of it. */
  isAbandoned = false;
  /** Told once when that is so. */
  onAbandoned: (() => void) | undefined;
  /** The try that runs, or that failed last, has put it on the wire. */
  sending = false;
  /** Some try ended without a word: the broker may hold it. */
  uncertain = false;

  constructor(items: readonly Item[]) {
    this.items = items;
    for (const item of items) item.onAbandoned = () => this.check();
    this.check();
  }

  /** The client has it: from now on an abort leaves its fate open. */
  enter(): void {
    this.sending = false;
    for (const item of this.items) item.handedOver = true;
  }

  /** The client is about to put it on the wire. @throws when nobody waits for it any more: then it stays here */
  leave(): void {
    if (this.isAbandoned) throw new DOMException("nobody waits for it", "AbortError");
    this.sending = true;
  }

  /** It surely is not with a broker: who gave up meanwhile was told so, and must not be sent after all. */
  stay(): void {
    for (const item of this.items) item.handedOver = false;
  }

  /** What the next try sends. While the fate of a try is open it has to be the same records, or the broker drops what differs as a copy. */
  pick(): readonly Item[] {
    if (!this.uncertain) this.items = this.items.filter((item) => !item.isSettled);
    return this.items;
  }

  check(): void {
    if (this.isAbandoned || !this.items.every((item) => item.isSettled)) return;
    this.isAbandoned = true;
    this.onAbandoned?.();
  }

  settle(outcome: PublishOutcome): void {
    for (const item of this.items) item.settle(outcome);
  }

  fail(error: unknown): void {
    this.settle({ state: this.uncertain ? "unknown" : "rejected", error });
  }
}

/** What is published to one partition: one batch at a time, in order. */
export class PartitionLane {
  readonly #parts: LaneParts;
  #waiting: Item[] = [];
  #running = false;

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  add(item: Item): void {
    this.#waiting.push(item);
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (let items = this.#next(); items.length > 0; items = this.#next()) await this.#ship(items);
    this.#running = false;
  }

  /** The next batch: as much as waits, and as a broker takes at once. */
  #next(): readonly Item[] {
    const limit = this.#parts.settings.maxMessageBytes - BATCH_OVERHEAD - COMPRESSION_SLACK;
    const batch: Item[] = [];
    let bytes = 0;
    let seen = 0;
    for (const item of this.#waiting) {
      if (!item.isSettled) {
        if (batch.length === MAX_BATCH_MESSAGES || (batch.length > 0 && bytes + item.bytes > limit)) break;
        batch.push(item);
        bytes += item.bytes;
      }
      seen += 1;
    }
    this.#waiting = this.#waiting.slice(seen);
    this.#parts.onTaken(seen);
    return batch;
  }

  async #ship(items: readonly Item[]): Promise<void> {
    const shipment = new Shipment(items);
    let session: Session | undefined;
    for (let attempt = 0; !shipment.isAbandoned; attempt++) {
      shipment.sending = false;
      try {
        session ??= await this.#parts.producers.take();
        if (shipment.isAbandoned) break;
        await this.#send(session, shipment);
        break;
      } catch (error) {
        if (isSessionError(error) && session) {
          // The sequence numbers are lost (https://github.com/tulios/kafkajs/issues/598): these records were not taken by this try.
          this.#parts.producers.leave(session, true);
          session = undefined;
        } else if (session && attempt % TRIES_PER_SESSION === TRIES_PER_SESSION - 1) {
          // A client that does not find back is worth less than the chance of a second copy.
          this.#parts.producers.leave(session, true);
          session = undefined;
        }
        if (!(await this.#mayRetry(shipment, error, attempt))) break;
      }
    }
    const halves = shipment.items.some((item) => !item.isSettled) && !shipment.uncertain ? shipment.items : [];
    if (session) this.#parts.producers.leave(session, shipment.uncertain);
    if (halves.length > 1) await this.#split(halves);
  }

  async #send(session: Session, shipment: Shipment): Promise<void> {
    const { topic, partition } = this.#parts;
    const records = shipment.pick().map((item) => item.record);
    shipment.enter();
    const sent = session.producer.send(topic, partition, records, () => shipment.leave());
    const outcome = await this.#unlessAbandoned(sent, shipment);
    if (!outcome) {
      // Nobody waits any more and kafkajs cannot be stopped: what is on the wire may take effect later, over connections that it makes anew.
      shipment.uncertain ||= shipment.sending;
      return;
    }
    shipment.uncertain = false;
    for (const [i, item] of shipment.items.entries()) item.settle(ackedAt(partition, outcome.offset, i));
  }

  /** What a try gave; nothing when nobody waits any more. The limit ends with the wait: a send that everybody gave up holds nobody. */
  #unlessAbandoned(
    sent: Promise<number | undefined>,
    shipment: Shipment,
  ): Promise<{ readonly offset: number | undefined } | undefined> {
    const { requestTimeoutMs, connectTimeoutMs, clock } = this.#parts.settings;
    const limitMs = 2 * requestTimeoutMs + connectTimeoutMs;
    return new Promise((resolve, reject) => {
      let open = true;
      const end = (tell: () => void): void => {
        if (!open) return;
        open = false;
        clock.clearTimeout(timer);
        shipment.onAbandoned = undefined;
        tell();
      };
      const over = (): void => reject(new OmniError("TIMEOUT", { reason: `a send did not end within ${limitMs} ms` }));
      const timer = clock.setTimeout(() => end(over), limitMs);
      shipment.onAbandoned = () => end(() => resolve(undefined));
      if (shipment.isAbandoned) shipment.onAbandoned();
      sent.then(
        (offset) => end(() => resolve({ offset })),
        (error) => end(() => reject(error)),
      );
    });
  }

  /** What became of a try that failed; `true` when there is to be another one. */
  async #mayRetry(shipment: Shipment, error: unknown, attempt: number): Promise<boolean> {
    const { client, settings } = this.#parts;
    if (isStoredAlready(error)) {
      shipment.uncertain = false;
      shipment.settle({ state: "acked" });
      return false;
    }
    if (isRefusal(error)) {
      // Of many records one may be at fault: they are tried in halves, once they surely are not stored.
      if (shipment.uncertain || shipment.items.length === 1) shipment.fail(error);
      return false;
    }
    if (shipment.sending && !isSessionError(error)) shipment.uncertain = true;
    const { topic, partition } = this.#parts;
    settings.logger.debug({ topic, partition, attempt, open: shipment.uncertain, error: String(error) }, "a try to send failed");
    try {
      await this.#parts.onMissing(error);
      if (!isMissingTopic(error) && !isWorthRetrying(client, error)) throw error;
    } catch (final) {
      shipment.fail(final);
      return false;
    }
    if (!shipment.uncertain) shipment.stay();
    await this.#pause(attempt, shipment);
    return true;
  }

  /** Waits before the next try, as long as somebody waits for it. */
  async #pause(attempt: number, shipment: Shipment): Promise<void> {
    const over = new AbortController();
    shipment.onAbandoned = () => over.abort();
    if (shipment.isAbandoned) over.abort();
    await waitBeforeRetry(attempt, this.#parts.settings.clock, over.signal).catch(() => undefined);
    shipment.onAbandoned = undefined;
  }

  async #split(items: readonly Item[]): Promise<void> {
    const open = items.filter((item) => !item.isSettled);
    const middle = Math.ceil(open.length / 2);
    for (const half of [open.slice(0, middle), open.slice(middle)]) if (half.length > 0) await this.#ship(half);
  }
}

function ackedAt(partition: number, base: number | undefined, index: number): PublishOutcome {
  if (base === undefined) return { state: "acked" };
  return { state: "acked", position: { partition, sequence: String(base + index) } };
}
