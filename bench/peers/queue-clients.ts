// Clients of NATS JetStream and Kafka behind the few calls that the benchmarks make: Omni's queues, and the raw clients as their own documentation
// advises, set to the same safety. All publish 256 bytes that the broker has to hold before a publish is over, and acknowledge after the handler.
import { randomUUID } from "node:crypto";
import type { QueueProvider } from "@omni/core/queue";
import { server } from "@omni/servers";
import type { Session } from "../runner/benchmark.ts";

/** Addresses of the brokers, of those that a benchmark needs. */
export type Brokers = { readonly nats: string | null; readonly kafka: string | null };

export type QueueParams = { readonly work: "publish" | "consume"; readonly inFlight: number; readonly messages: number };

/** The cases of a broker: publish one by one, some and many at once; consume. @param messages of each */
export function queueCases(messages: readonly [number, number, number, number]): readonly QueueParams[] {
  const [one, some, many, read] = messages;
  return [
    { work: "publish", inFlight: 1, messages: one },
    { work: "publish", inFlight: 64, messages: some },
    { work: "publish", inFlight: 512, messages: many },
    { work: "consume", inFlight: 0, messages: read },
  ];
}

/** A group of its own that reads a topic, its first message at hand. */
export interface Reading {
  /** Handles the messages; resolves when there have been so many. */
  go(): Promise<number>;
  end(): Promise<unknown>;
}

/** One client on one topic. */
export interface QueueClient {
  /** Resolves when the broker, or all brokers, hold it. Rejects otherwise. */
  publish(body: Uint8Array): Promise<unknown>;
  /** The same of many, where the client has a call for it that is not just many calls. */
  publishMany?(bodies: readonly Uint8Array[]): Promise<unknown>;
  /** Reads what was published, from the start. */
  read?(messages: number): Promise<Reading>;
  close(): Promise<unknown>;
}

export const body: Uint8Array = new Uint8Array(256).fill(7);
export const topic = "events";
const stream = { ours: "OURS", raw: "RAW" } as const;
const partitions = 3;
/** Deliveries that may be out at one time. */
const outAtOnce = 100;

const running = new Set<{ stop(): Promise<void> }>();

/** Brokers of their own for one case. */
export async function startBrokers(...names: readonly ("nats" | "kafka")[]): Promise<Brokers> {
  const place = { nats: null as string | null, kafka: null as string | null };
  for (const name of names) {
    const started = await server(name, { private: true });
    running.add(started);
    place[name] = started.url;
  }
  return place;
}

export async function stopBrokers(): Promise<void> {
  await Promise.all([...running].map((broker) => broker.stop()));
  running.clear();
}

/** The rounds of one subject. */
export async function queueSession(client: QueueClient, params: QueueParams): Promise<Session> {
  return params.work === "publish" ? publishing(client, params) : reading(client, params);
}

function publishing(client: QueueClient, params: QueueParams): Session {
  let acked = 0;
  return {
    async run() {
      acked = await publishAll(client, params);
    },
    proof: () => `${acked} acknowledged`,
    close: async () => void (await client.close()),
  };
}

async function reading(client: QueueClient, { messages }: QueueParams): Promise<Session> {
  if (!client.read) throw new Error("this client does not read");
  await publishAll(client, { work: "publish", inFlight: 64, messages });
  let current = await client.read(messages);
  let handled = 0;
  return {
    async run() {
      handled = await current.go();
    },
    async tidy() {
      await current.end();
      current = (await client.read?.(messages)) as Reading;
    },
    proof: () => `${handled} handled`,
    async close() {
      await current.end();
      await client.close();
    },
  };
}

/** Keeps so many publishes under way; in calls of so many where the client has one. */
export async function publishAll(client: QueueClient, { messages, inFlight }: QueueParams): Promise<number> {
  let begun = 0;
  let acked = 0;
  if (client.publishMany && inFlight > 1) {
    for (; begun < messages; begun += inFlight) {
      const count = Math.min(inFlight, messages - begun);
      await client.publishMany(new Array(count).fill(body));
      acked += count;
    }
    return acked;
  }
  const lane = async (): Promise<void> => {
    while (begun < messages) {
      begun += 1;
      await client.publish(body);
      acked += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return acked;
}

/** Counts messages that come, and holds the first back until the measuring begins. */
class Gate {
  readonly #go = Promise.withResolvers<void>();
  readonly #first = Promise.withResolvers<void>();
  readonly #all = Promise.withResolvers<number>();
  readonly #messages: number;
  #isOpen = false;
  #handled = 0;

  constructor(messages: number) {
    this.#messages = messages;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** A message waits. */
  async wait(): Promise<void> {
    this.#first.resolve();
    await this.#go.promise;
  }

  take(): void {
    this.#handled += 1;
    if (this.#handled === this.#messages) this.#all.resolve(this.#handled);
  }

  ready(): Promise<void> {
    return this.#first.promise;
  }

  /** The reading that it holds back; who ends it before it went lets the first message go. */
  reading(leave: () => Promise<unknown>): Reading {
    const go = (): Promise<number> => {
      this.#isOpen = true;
      this.#go.resolve();
      return this.#all.promise;
    };
    const end = (): Promise<unknown> => {
      void go();
      return leave();
    };
    return { go, end };
  }
}

/** Any queue of Omni. */
export function omniClient(queue: QueueProvider): QueueClient {
  return {
    publish: (data) => queue.publish({ data }),
    async read(messages) {
      const gate = new Gate(messages);
      const handler = (): void | Promise<void> => (gate.isOpen ? gate.take() : gate.wait().then(() => gate.take()));
      const consumer = await queue.consume(handler, { group: `g-${randomUUID()}`, concurrency: outAtOnce, from: "earliest" });
      await gate.ready();
      return gate.reading(() => consumer.close());
    },
    close: () => queue.close(),
  };
}

export async function omniNats({ nats }: Brokers): Promise<QueueProvider> {
  const { natsQueue } = await import("@omni/queue-nats");
  const queue = natsQueue({ url: nats ?? [], stream: stream.ours, topic });
  await queue.ready();
  return queue;
}

export async function omniKafka({ kafka }: Brokers): Promise<QueueProvider> {
  const { kafkaQueue } = await import("@omni/queue-kafka");
  const queue = kafkaQueue({ brokers: kafka ?? [], topic: `ours-${topic}-${process.pid}`, partitions });
  await queue.ready();
  return queue;
}

/** The npm package nats: a publish with an id for the server's dedupe, a durable pull consumer. */
export async function rawNats({ nats }: Brokers): Promise<QueueClient> {
  const { AckPolicy, connect, DeliverPolicy } = await import("nats");
  const connection = await connect({ servers: nats ?? [] });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: stream.raw, subjects: [`${stream.raw}.>`] });
  const jetstream = connection.jetstream();
  const subject = `${stream.raw}.${topic}`;
  return {
    publish: (data) => jetstream.publish(subject, data, { msgID: randomUUID() }),
    async read(messages) {
      const durable = `g-${randomUUID()}`;
      const policy = { ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.All, filter_subject: subject };
      await manager.consumers.add(stream.raw, { durable_name: durable, ...policy });
      const found = await (await jetstream.consumers.get(stream.raw, durable)).consume({ max_messages: outAtOnce });
      const gate = new Gate(messages);
      const ended = (async () => {
        for await (const message of found) {
          if (!gate.isOpen) await gate.wait();
          gate.take();
          message.ack();
        }
      })();
      await gate.ready();
      return gate.reading(() => found.close().then(() => ended));
    },
    close: () => connection.drain(),
  };
}

/** The npm package kafkajs: an idempotent producer, every send acknowledged by all replicas, offsets committed as often as Omni does. */
export async function rawKafka({ kafka }: Brokers, many: "one send each" | "one send of many"): Promise<QueueClient> {
  const { default: kafkajs } = await import("kafkajs");
  const client = new kafkajs.Kafka({ brokers: (kafka ?? "").split(","), logLevel: kafkajs.logLevel.NOTHING });
  const name = `raw-${topic}-${process.pid}`;
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions, replicationFactor: 1 }] });
  await admin.disconnect();
  const { DefaultPartitioner: createPartitioner } = kafkajs.Partitioners;
  const producer = client.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner });
  await producer.connect();
  const send = (bodies: readonly Uint8Array[]): Promise<unknown> =>
    producer.send({
      topic: name,
      acks: -1,
      messages: bodies.map((value) => ({ value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) })),
    });
  return {
    publish: (data) => send([data]),
    ...(many === "one send of many" && { publishMany: send }),
    async read(messages) {
      const consumer = client.consumer({ groupId: `g-${randomUUID()}`, maxWaitTimeInMs: 250 });
      await consumer.connect();
      await consumer.subscribe({ topic: name, fromBeginning: true });
      const gate = new Gate(messages);
      const eachMessage = async (): Promise<void> => {
        if (!gate.isOpen) await gate.wait();
        gate.take();
      };
      await consumer.run({ autoCommitInterval: 100, partitionsConsumedConcurrently: partitions, eachMessage });
      await gate.ready();
      return gate.reading(() => consumer.disconnect());
    },
    close: () => producer.disconnect(),
  };
}

/** Both at once, as one would write it by hand: over when both brokers hold the message. */
export function bothRaw(nats: QueueClient, kafka: QueueClient): QueueClient {
  const { publishMany } = kafka;
  return {
    publish: (data) => Promise.all([nats.publish(data), kafka.publish(data)]),
    ...(publishMany && {
      publishMany: (bodies: readonly Uint8Array[]) =>
        Promise.all([publishMany(bodies), ...bodies.map((data) => nats.publish(data))]),
    }),
    close: () => Promise.all([nats.close(), kafka.close()]),
  };
}
