import type { ClientAdmin, ClientConsumer, ClientProducer, KafkaClient, OutgoingRecord } from "../src/client.ts";

/** One try of a producer, decided by the test. */
export interface Try {
  readonly producer: number;
  readonly texts: readonly string[];
  /** As kafkajs does right before the request is written. */
  leave(): void;
  ack(base: number): void;
  fail(error: unknown): void;
}

/** A client whose brokers are the test. */
export class FakeClient implements KafkaClient {
  answered = true;
  readonly tries: Try[] = [];
  readonly disconnected: number[] = [];
  #producers = 0;
  #waiting: (() => void)[] = [];

  /** The try of this number, when it comes. */
  async nth(index: number): Promise<Try> {
    while (this.tries.length <= index) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.tries[index] as Try;
  }

  producer(): ClientProducer {
    const producer = this.#producers;
    this.#producers += 1;
    return {
      connect: async () => undefined,
      send: (_topic, _partition, records, onSend) => this.#send(producer, records, onSend),
      disconnect: async () => void this.disconnected.push(producer),
    };
  }

  admin(): ClientAdmin {
    const none = async (): Promise<never> => {
      throw new Error("not in these tests");
    };
    return {
      connect: async () => undefined,
      partitionsOf: async () => [{ partition: 0, leader: 1 }],
      createTopic: none,
      ranges: none,
      offsetsAt: none,
      committed: none,
      deleteGroup: none,
      ping: none,
      disconnect: async () => undefined,
    };
  }

  consumer(): ClientConsumer {
    throw new Error("not in these tests");
  }

  choosePartition(): number {
    return 0;
  }

  #send(producer: number, records: readonly OutgoingRecord[], onSend: () => void): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const texts = records.map((record) => record.value.toString());
      this.tries.push({ producer, texts, leave: onSend, ack: resolve, fail: reject });
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }
}
