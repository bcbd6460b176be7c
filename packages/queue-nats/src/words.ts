import { OmniError } from "@omni/core";
import type { JetStreamDelivery } from "./delivery.ts";
import type { Link } from "./link.ts";
import type { NatsSettings } from "./options.ts";

const encoder = new TextEncoder();
const ACK = "+ACK";
const ACK_BYTES = encoder.encode(ACK);

/**
 * What a subscription tells the broker of its deliveries. Words that nobody waits for are gathered until {@link say}: the client writes to its socket
 * once for what it is given at once, and once for each word otherwise, which costs more than everything else that is done for a message.
 */
export class Words {
  readonly #link: Link;
  readonly #settings: NatsSettings;
  readonly #topic: string;
  /** Aborts when nothing more is settled. */
  readonly #closed: AbortSignal;
  #gathered: { readonly delivery: JetStreamDelivery; readonly word: string }[] = [];

  constructor(link: Link, settings: NatsSettings, topic: string, closed: AbortSignal) {
    this.#link = link;
    this.#settings = settings;
    this.#topic = topic;
    this.#closed = closed;
  }

  /** Waits for the broker's answer where one is asked for, and for the connection while it is down. */
  tell(delivery: JetStreamDelivery, word: string, confirm: boolean): Promise<void> | void {
    if (!this.#link.client || (confirm && this.#settings.confirmAcks)) return this.#tellInTime(delivery, word, confirm);
    this.#gathered.push({ delivery, word });
  }

  /** Hands over what was gathered. */
  say(): void {
    const words = this.#gathered;
    if (words.length === 0) return;
    this.#gathered = [];
    const { client } = this.#link;
    for (const { delivery, word } of words) {
      if (client) client.publish(delivery.reply, word === ACK ? ACK_BYTES : encoder.encode(word));
      else this.#tellInTime(delivery, word, false).catch((error) => this.#unsaid(error));
    }
  }

  /** While the connection is down the word waits: it still counts when it comes before the deadline. */
  async #tellInTime(delivery: JetStreamDelivery, word: string, confirm: boolean): Promise<void> {
    const body = encoder.encode(word);
    for (;;) {
      const left = delivery.expiresAt - this.#settings.clock.now();
      if (left <= 0 || this.#closed.aborted) throw notSettled();
      const signal = AbortSignal.any([AbortSignal.timeout(left), this.#closed]);
      const client = await this.#link.connected(signal, true).catch(() => undefined);
      if (!client) continue;
      if (!confirm || !this.#settings.confirmAcks) {
        client.publish(delivery.reply, body);
        return;
      }
      try {
        await this.#link.request(delivery.reply, body, signal, left);
        return;
      } catch (error) {
        // Lost on the way with the connection: again, an acknowledgement may come twice.
        if (this.#link.client === client) throw error;
      }
    }
  }

  // The connection went within the turn. Nobody waits for the word any more; the message comes again.
  #unsaid(error: unknown): void {
    this.#settings.logger.warn(
      { provider: "nats", topic: this.#topic, error: String(error) },
      "a message was settled and the broker does not know",
    );
  }
}

function notSettled(): OmniError {
  const reason =
    "the connection was lost and did not come back before the acknowledgement deadline: the message is delivered again";
  return new OmniError("PRECONDITION_FAILED", { reason, outcome: "not-applied" });
}
