import kafkajs, {
  type Admin,
  type Cluster,
  type Consumer,
  type EachBatchPayload,
  type KafkaMessage,
  type Message,
  type PartitionAssigner,
  type Producer,
} from "kafkajs";
import { assignPartitions, type Candidate } from "./assigner.ts";
import type {
  ClientAdmin,
  ClientBatch,
  ClientConsumer,
  ClientConsumerOptions,
  ClientProducer,
  IncomingRecord,
  KafkaClient,
  OffsetRange,
  OutgoingRecord,
  PartitionInfo,
} from "./client.ts";
import { isAnswer } from "./errors.ts";
import { CONSUMER_RETRY, compressionOf, configOf, PRODUCER_RETRY } from "./kafkajs-config.ts";
import { repairRequestQueue } from "./kafkajs-queue.ts";
import type { KafkaSettings } from "./options.ts";
import { Sockets, within } from "./sockets.ts";

const { AssignerProtocol, Kafka, Partitioners } = kafkajs;

/**
 * The client over kafkajs 2.2.4. Connects nothing.
 *
 * @throws OmniError NOT_SUPPORTED for a compression without a codec
 */
export function kafkajsClient(settings: KafkaSettings): KafkaClient {
  repairRequestQueue();
  const compression = compressionOf(settings.compression);
  let answered = false;
  const parts = (background: boolean): Parts => {
    const sockets = new Sockets(background);
    return { kafka: new Kafka(configOf(settings, sockets)), sockets, settings };
  };
  const asked = async <T>(question: Promise<T>): Promise<T> => {
    try {
      const answer = await question;
      answered = true;
      return answer;
    } catch (error) {
      answered ||= isAnswer(error);
      throw error;
    }
  };
  // Java's: murmur2 over the key.
  const partitioner = Partitioners.DefaultPartitioner();
  return {
    get answered() {
      return answered;
    },
    producer: () => producerOf(parts(true), compression),
    admin: () => adminOf(parts(true), asked),
    // A Kafka object of its own: consumers of one group that share one also share, and clear, their offsets.
    consumer: (options) => consumerOf(parts(false), options),
    choosePartition: (topic, key, partitions) =>
      partitioner({
        topic,
        partitionMetadata: partitions.map(({ partition, leader }) => ({
          partitionId: partition,
          leader,
          partitionErrorCode: 0,
          replicas: [],
          isr: [],
        })),
        message: { key: key === undefined ? null : Buffer.from(key), value: null },
      }),
  };
}

/** What one client object is made of. */
interface Parts {
  readonly kafka: InstanceType<typeof Kafka>;
  readonly sockets: Sockets;
  readonly settings: KafkaSettings;
}

const DISCONNECT_MS = 3_000;

/** Disconnects politely, and in any case. */
async function disconnect({ sockets, settings }: Parts, politely: () => Promise<void>): Promise<void> {
  try {
    await within(DISCONNECT_MS, settings.clock, "disconnecting", politely());
  } finally {
    sockets.cut();
  }
}

function producerOf(parts: Parts, compression: number): ClientProducer {
  const { kafka, settings } = parts;
  // Asked for each message when the leaders are known and the request is about to be written; the partition itself is chosen already.
  const leaving = new WeakMap<Message, () => void>();
  const producer: Producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: () => (args) => {
      leaving.get(args.message)?.();
      return args.message.partition ?? 0;
    },
    retry: PRODUCER_RETRY,
  });
  return {
    connect: () => producer.connect(),
    async send(topic, partition, records, onSend) {
      const messages = records.map((record) => toMessage(record, partition));
      if (messages[0]) leaving.set(messages[0], onSend);
      const answers = await producer.send({ topic, messages, compression, acks: -1, timeout: settings.requestTimeoutMs });
      const answer = answers.find((one) => one.partition === partition);
      if (!answer) throw new Error(`kafkajs gave no answer for partition ${partition} of ${topic}`);
      const { baseOffset = answer.offset } = answer;
      return baseOffset === undefined || baseOffset.startsWith("-") ? undefined : Number(baseOffset);
    },
    disconnect: () => disconnect(parts, () => producer.disconnect()),
  };
}

function toMessage(record: OutgoingRecord, partition: number): Message {
  const { key, value, headers, timestamp } = record;
  // The partition is fixed here: kafkajs chooses anew at every retry, and a batch of another content under the same sequence number would
  // be dropped by the broker as a copy.
  return { key, value, headers: { ...headers }, timestamp: String(timestamp), partition };
}

function adminOf(parts: Parts, asked: <T>(question: Promise<T>) => Promise<T>): ClientAdmin {
  const admin: Admin = parts.kafka.admin();
  return {
    connect: () => admin.connect(),
    disconnect: () => disconnect(parts, () => admin.disconnect()),
    async partitionsOf(topic) {
      const { topics } = await asked(admin.fetchTopicMetadata({ topics: [topic] }));
      const found = topics.find((one) => one.name === topic)?.partitions ?? [];
      const list: PartitionInfo[] = found.map(({ partitionId, leader }) => ({ partition: partitionId, leader }));
      return list.sort((a, b) => a.partition - b.partition);
    },
    async createTopic(topic, { partitions, replicationFactor, config }) {
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      await admin.createTopics({
        // kafkajs gives up at the first broker that has not heard of the topic yet.
        waitForLeaders: false,
        topics: [{ topic, numPartitions: partitions ?? -1, replicationFactor: replicationFactor ?? -1, configEntries }],
      });
    },
    async ranges(topic) {
      const found = await admin.fetchTopicOffsets(topic);
      return found.map(({ partition, low, high }): OffsetRange => ({ partition, low: Number(low), high: Number(high) }));
    },
    async offsetsAt(topic, time) {
      const found = await admin.fetchTopicOffsetsByTimestamp(topic, time);
      return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
    },
    async committed(group, topic) {
      const found = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      const partitions = found.find((one) => one.topic === topic)?.partitions ?? [];
      return new Map(partitions.map((one) => [one.partition, Number(one.offset)] as const).filter(([, offset]) => offset >= 0));
    },
    async deleteGroup(group) {
      await admin.deleteGroups([group]);
    },
    async ping() {
      await asked(admin.describeCluster());
    },
  };
}

function consumerOf(parts: Parts, options: ClientConsumerOptions): ClientConsumer {
  const { kafka, settings } = parts;
  let topic = "";
  let owned: Readonly<Record<string, readonly number[]>> = {};
  const consumer = kafka.consumer({
    groupId: options.group,
    partitionAssigners: [evenAndSticky(() => owned)],
    sessionTimeout: settings.sessionTimeoutMs,
    heartbeatInterval: settings.heartbeatMs,
    rebalanceTimeout: settings.rebalanceTimeoutMs,
    maxWaitTimeInMs: settings.fetchWaitMs,
    allowAutoTopicCreation: false,
    retry: CONSUMER_RETRY,
  });
  listen(consumer, options, (assignment) => {
    owned = assignment;
    return assignment[topic] ?? [];
  });
  return {
    async start(name) {
      topic = name;
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
        eachBatch: (payload) => options.onBatch(toBatch(payload)),
      });
    },
    seek: (partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
    commit: (offsets) =>
      consumer.commitOffsets([...offsets].map(([partition, offset]) => ({ topic, partition, offset: String(offset) }))),
    pause: () => consumer.pause([{ topic }]),
    stop: () => disconnect(parts, () => consumer.disconnect()),
  };
}

// Batches of partitions wait in the subscription, not here.
const CONCURRENT_PARTITIONS = 64;

function listen(
  consumer: Consumer,
  options: ClientConsumerOptions,
  partitionsIn: (assignment: Readonly<Record<string, readonly number[]>>) => readonly number[],
): void {
  const { events } = consumer;
  consumer.on(events.GROUP_JOIN, ({ payload }) => options.onJoin(partitionsIn(payload.memberAssignment), payload.memberId));
  consumer.on(events.REBALANCING, () => options.onRebalancing());
  consumer.on(events.END_BATCH_PROCESS, ({ payload }) => {
    // The event comes for every batch, whether it was handled to its end or not; one without records is never given to `onBatch`.
    if (payload.batchSize === 0) options.onPassed(payload.partition, Number(payload.lastOffset));
  });
  consumer.on(events.FETCH_START, () => options.onActivity());
  consumer.on(events.FETCH, () => options.onActivity());
  consumer.on(events.HEARTBEAT, () => options.onActivity());
  consumer.on(events.CRASH, ({ payload }) => options.onCrash(payload.error));
}

function toBatch({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): ClientBatch {
  return {
    partition: batch.partition,
    records: batch.messages.map(toRecord),
    lastOffset: Number(batch.lastOffset()),
    resolve: (offset) => resolveOffset(String(offset)),
    heartbeat,
    isStale: () => !isRunning() || isStale(),
  };
}

function toRecord(message: KafkaMessage): IncomingRecord {
  return {
    offset: Number(message.offset),
    key: message.key === null ? undefined : message.key.toString("utf8"),
    value: message.value ?? NOTHING,
    headers: headersOf(message),
    timestamp: Number(message.timestamp),
  };
}

const NOTHING = Buffer.alloc(0);

// A header may have several values, and be text or bytes: the last one counts, as text.
function headersOf({ headers = {} }: KafkaMessage): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, given] of Object.entries(headers)) {
    const value = Array.isArray(given) ? given.at(-1) : given;
    if (value !== undefined && value !== null) found[name] = typeof value === "string" ? value : value.toString("utf8");
  }
  return found;
}

/**
 * kafkajs has one assigner, which gives every member the topics of the leader, whatever the member asked for, and moves all partitions whenever a
 * member comes: https://github.com/tulios/kafkajs/issues/1156. This one carries the same name, so that plain kafkajs consumers may be in the group.
 */
function evenAndSticky(owned: () => Readonly<Record<string, readonly number[]>>): PartitionAssigner {
  return ({ cluster }) => ({
    name: "RoundRobinAssigner",
    version: 0,
    async assign({ members }) {
      const candidates = members.map(({ memberId, memberMetadata }): Candidate => {
        const decoded = AssignerProtocol.MemberMetadata.decode(memberMetadata);
        return { id: memberId, topics: new Set(decoded?.topics), owned: ownedIn(decoded?.userData) };
      });
      const topics = [...new Set(candidates.flatMap((member) => [...member.topics]))].sort();
      const assigned = assignPartitions(candidates, await partitionsOf(cluster, topics));
      return [...assigned].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 0, assignment, userData: NOTHING }),
      }));
    },
    protocol: ({ topics }) => ({
      name: "RoundRobinAssigner",
      metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.from(JSON.stringify(owned())) }),
    }),
  });
}

async function partitionsOf(cluster: Cluster, topics: readonly string[]): Promise<Map<string, readonly number[]>> {
  const found = new Map<string, readonly number[]>();
  for (const topic of topics) {
    try {
      await cluster.addTargetTopic(topic);
    } catch (error) {
      // Deleted while a member still asks for it: nothing of it can be assigned, and the others' topics can.
      if ((error as { type?: unknown }).type !== "UNKNOWN_TOPIC_OR_PARTITION") throw error;
      continue;
    }
    const numbers = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
    found.set(
      topic,
      numbers.sort((a, b) => a - b),
    );
  }
  return found;
}

function ownedIn(userData: Buffer | undefined): Readonly<Record<string, readonly number[]>> {
  try {
    const parsed: unknown = JSON.parse(userData?.toString("utf8") || "{}");
    const entries = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
    return Object.fromEntries(entries.filter((entry): entry is [string, number[]] => Array.isArray(entry[1])));
  } catch {
    // Another program's: it had nothing that is known.
    return {};
  }
}
