import { OmniError } from "@omni/core";
import type { DriverDelivery, Position, ReceivedMessage } from "@omni/core/queue";
import type { NatsMessage } from "./client.ts";

/** What a delivery does goes through its subscription. */
export interface DeliveryOwner {
  readonly stream: string;
  /** Older servers take a `+TERM` with a reason for no word at all. */
  readonly takesReasons: boolean;
  /** Sends a word about a delivery to the broker. */
  tell(delivery: JetStreamDelivery, word: string, confirm: boolean): Promise<void> | void;
  /** It was settled: there is room for another. */
  settled(delivery: JetStreamDelivery): void;
  /** Its deadline begins anew. */
  extended(delivery: JetStreamDelivery): void;
  now(): number;
}

/** What the reply subject of a delivery says (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md). */
interface Facts {
  readonly deliveries: number;
  readonly sequence: string;
  readonly timestampMs: number;
}

/** One handing over of a message to this consumer. */
export class JetStreamDelivery implements DriverDelivery {
  readonly message: ReceivedMessage;
  readonly attempt: number;
  readonly reply: string;
  readonly #owner: DeliveryOwner;
  /** Milliseconds since the epoch: when the broker gives it to another. */
  expiresAt: number;
  #lost: unknown;
  #controller: AbortController | undefined;

  constructor(message: NatsMessage, owner: DeliveryOwner, expiresAt: number) {
    const facts = factsOf(message.reply);
    this.message = new JetStreamMessage(message, facts, owner.stream);
    this.attempt = facts.deliveries;
    this.reply = message.reply;
    this.#owner = owner;
    this.expiresAt = expiresAt;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#lost !== undefined && this.#lost !== SETTLED) this.#controller.abort(this.#lost);
    return this.#controller.signal;
  }

  owned(): boolean {
    return this.#lost === undefined && this.#owner.now() < this.expiresAt;
  }

  ack(): Promise<void> | void {
    return this.#settle("+ACK", true);
  }

  nack(delayMs: number): Promise<void> | void {
    return this.#settle(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: Math.ceil(delayMs) * 1_000_000 })}` : "-NAK", false);
  }

  term(reason: string): Promise<void> | void {
    return this.#settle(this.#owner.takesReasons ? `+TERM ${reason.replace(/\s+/g, " ")}` : "+TERM", true);
  }

  async extend(): Promise<void> {
    this.#check();
    await this.#owner.tell(this, "+WPI", false);
    this.#owner.extended(this);
  }

  /** It is another's now. */
  lose(reason: unknown): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    this.#controller?.abort(reason);
  }

  #settle(word: string, confirm: boolean): Promise<void> | void {
    this.#check();
    this.#lost = SETTLED;
    try {
      return this.#owner.tell(this, word, confirm);
    } finally {
      this.#owner.settled(this);
    }
  }

  #check(): void {
    if (this.owned()) return;
    const reason = "the delivery is no longer this consumer's: its acknowledgement deadline passed, or its subscription was closed";
    throw new OmniError("PRECONDITION_FAILED", { reason, outcome: "not-applied" });
  }
}

const SETTLED = new Error("settled");

/** A message of a stream; headers are decoded when asked for. */
export class JetStreamMessage implements ReceivedMessage {
  readonly #message: NatsMessage;
  readonly position: Position;
  readonly timestamp: number;

  constructor(message: NatsMessage, facts: { readonly sequence: string; readonly timestampMs: number }, stream: string) {
    this.#message = message;
    this.position = { stream, sequence: facts.sequence };
    this.timestamp = facts.timestampMs;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#message.headers;
  }

  get body(): Uint8Array {
    return this.#message.body;
  }
}

const DOT = 46;
// Where the dots of the subject at hand are; one of them at a time is read.
const dots = new Int32Array(12);

/** @throws Error when a message came that is no delivery of JetStream */
export function factsOf(reply: string): Facts {
  let found = 0;
  for (let i = 0; i < reply.length && found < dots.length; i++) if (reply.charCodeAt(i) === DOT) dots[found++] = i;
  // $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<delivery sequence>.<time>.<pending>, or with <domain>.<account> before the stream and a
  // token at the end.
  const at = found >= 10 ? 6 : 4;
  if (found < 8 || !reply.startsWith("$JS.ACK.")) throw new Error(`not a delivery of JetStream: its reply subject is "${reply}"`);
  return {
    deliveries: Number(token(reply, at)),
    sequence: token(reply, at + 1),
    timestampMs: Math.floor(Number(token(reply, at + 3)) / 1_000_000),
  };
}

/** The token of this number, from 0 on. */
function token(reply: string, number: number): string {
  return reply.slice((dots[number - 1] as number) + 1, dots[number]);
}
