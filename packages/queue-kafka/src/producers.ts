import type { ClientProducer, KafkaClient } from "./client.ts";

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
  readonly #late: (error: unknown) => void;
  readonly #open = new Set<Session>();
  #current: Promise<Session> | undefined;

  constructor(client: KafkaClient, late: (error: unknown) => void) {
    this.#client = client;
    this.#late = late;
  }

  /** @throws what connecting throws: nothing was sent then */
  async take(): Promise<Session> {
    const session = await this.#connected();
    if (session.retired) return this.take();
    session.users += 1;
    return session;
  }

  /** Done with it; `uncertain` when something was sent over it and never answered. */
  leave(session: Session, uncertain: boolean): void {
    session.users -= 1;
    if (uncertain) this.#retire(session);
    if (session.retired && session.users === 0) this.disconnect(session);
  }

  /** Again, for what kafkajs connects anew after it was told to disconnect: https://github.com/tulios/kafkajs/issues/852 */
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
    this.#current = undefined;
  }

  #connected(): Promise<Session> {
    this.#current ??= this.#connect();
    return this.#current;
  }

  async #connect(): Promise<Session> {
    const producer = this.#client.producer();
    try {
      await producer.connect();
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
