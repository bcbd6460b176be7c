import type { ClientProducer, KafkaClient } from "./client.ts";
import type { KafkaSettings } from "./options.ts";
import { within } from "./sockets.ts";

/** A producer in use, by the partitions that send over it. */
export interface Session {
  readonly producer: ClientProducer;
  /** No partition takes it any more; it is disconnected when the last one has left. */
  retired: boolean;
  users: number;
}

/**
 * The producer that new batches go over. After a batch whose fate is not known its sequence numbers are not known either: the broker would take the
 * next batch for a copy of that one and drop it. So such a producer is never used again; whoever still sends over it ends first.
 */
export class Producers {
  readonly #client: KafkaClient;
  readonly #settings: KafkaSettings;
  readonly #late: (error: unknown) => void;
  readonly #open = new Set<Session>();
  #current: Promise<Session> | undefined;

  constructor(client: KafkaClient, settings: KafkaSettings, late: (error: unknown) => void) {
    this.#client = client;
    this.#settings = settings;
    this.#late = late;
  }

  /** @throws what connecting throws: nothing was sent then */
  async take(): Promise<Session> {
    const session = await this.#connected();
    if (session.retired) {
      this.#current = undefined;
      return this.take();
    }
    session.users += 1;
    return session;
  }

  /** Done with it; `uncertain` when something was sent over it and never answered. */
  leave(session: Session, uncertain: boolean): void {
    session.users -= 1;
    if (uncertain) this.#retire(session);
    if (session.retired && session.users === 0) this.disconnect(session);
  }

  disconnect(session: Session): void {
    this.#open.delete(session);
    session.producer.disconnect().catch(this.#late);
  }

  async close(): Promise<void> {
    await this.#current?.catch(() => undefined);
    this.#current = undefined;
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map(({ producer }) => producer.disconnect()));
  }

  #retire(session: Session): void {
    if (session.retired) return;
    session.retired = true;
    // The next one is made when it is asked for; one that is being made already stays.
    void this.#current?.then((current) => {
      if (current === session) this.#current = undefined;
    });
  }

  #connected(): Promise<Session> {
    this.#current ??= this.#connect();
    return this.#current;
  }

  async #connect(): Promise<Session> {
    const producer = this.#client.producer();
    try {
      const { connectTimeoutMs, requestTimeoutMs, clock } = this.#settings;
      await within(connectTimeoutMs + requestTimeoutMs, clock, "connecting", producer.connect());
    } catch (error) {
      this.#current = undefined;
      producer.disconnect().catch(this.#late);
      throw error;
    }
    const session: Session = { producer, retired: false, users: 0 };
    this.#open.add(session);
    return session;
  }
}
