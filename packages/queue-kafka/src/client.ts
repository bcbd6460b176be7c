/**
 * What this package needs of a Kafka client, and nothing of how one names things: one topic per call, offsets as numbers, headers as text.
 * Another client can serve by implementing it.
 */
export interface KafkaClient {
  /**
   * Whether a broker ever answered a question, if only with an error: before that an address, or who signs in, is more likely wrong than the broker
   * down. Its greeting does not count: it greets before it wants to know who it is.
   */
  readonly answered: boolean;
  producer(): ClientProducer;
  admin(): ClientAdmin;
  consumer(options: ClientConsumerOptions): ClientConsumer;
  /** The partition of a key as Java clients choose it; without a key the next one in turn. */
  choosePartition(topic: string, key: Uint8Array | undefined, partitions: readonly PartitionInfo[]): number;
}

/** A partition as the cluster describes it. */
export interface PartitionInfo {
  readonly partition: number;
  /** Node id, -1 while there is none. */
  readonly leader: number;
}

/** What is sent. */
export interface OutgoingRecord {
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** What came. */
export interface IncomingRecord {
  readonly offset: number;
  readonly key: string | undefined;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestamp: number;
}

/** A producer with a session: sending the same records again after a failure of theirs is no second copy while it lives. */
export interface ClientProducer {
  connect(): Promise<void>;
  /**
   * Tries once. Resolves with the offset of the first record; `undefined` where the broker does not say. One call per partition at a time.
   *
   * @param onSend called right before the records leave: what fails without it never reached a broker
   */
  send(topic: string, partition: number, records: readonly OutgoingRecord[], onSend: () => void): Promise<number | undefined>;
  disconnect(): Promise<void>;
}

export interface TopicPlan {
  readonly partitions: number | undefined;
  readonly replicationFactor: number | undefined;
  readonly config: Readonly<Record<string, string>>;
}

/** First offset that is kept, and the one that the next record gets. */
export interface OffsetRange {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

export interface ClientAdmin {
  connect(): Promise<void>;
  /** @throws what `classifyError` takes for NOT_FOUND */
  partitionsOf(topic: string): Promise<readonly PartitionInfo[]>;
  /** Does nothing when the topic is there already. */
  createTopic(topic: string, plan: TopicPlan): Promise<void>;
  ranges(topic: string): Promise<readonly OffsetRange[]>;
  /** Per partition the first offset at or after a time; `high` where there is none. */
  offsetsAt(topic: string, time: number): Promise<ReadonlyMap<number, number>>;
  /** What a group has committed; a partition without is not in it. */
  committed(group: string, topic: string): Promise<ReadonlyMap<number, number>>;
  deleteGroup(group: string): Promise<void>;
  ping(): Promise<void>;
  disconnect(): Promise<void>;
}

export interface ClientConsumerOptions extends ConsumerListener {
  readonly group: string;
}

/** What a consumer tells. Called in the order of events; none may throw, except `onBatch`, whose rejection makes the client join again. */
export interface ConsumerListener {
  /** The group agreed; these partitions are this member's until the next call. */
  onJoin(partitions: readonly number[], memberId: string): void;
  onRebalancing(): void;
  onBatch(batch: ClientBatch): Promise<void>;
  /** Up to this offset there was nothing but what nobody may see: markers of transactions, records of aborted ones. */
  onPassed(partition: number, lastOffset: number): void;
  /** The client did something: it is alive. */
  onActivity(): void;
  /** The consumer ended by itself and does nothing more. */
  onCrash(error: unknown): void;
}

export interface ClientBatch {
  readonly partition: number;
  readonly records: readonly IncomingRecord[];
  /** Of the last record, or of a marker behind it that nobody may see. */
  readonly lastOffset: number;
  /** The next fetch begins behind this record. */
  resolve(offset: number): void;
  /** Keeps the membership while the batch waits. Rejects when the group has to agree anew. */
  heartbeat(): Promise<void>;
  /** Whether the batch is no longer to be handled: the consumer stops, or its position was moved. */
  isStale(): boolean;
}

export interface ClientConsumer {
  /** Connects and joins; failures of joining come by `onCrash`. */
  start(topic: string): Promise<void>;
  /** The next fetch of a partition begins here. */
  seek(partition: number, offset: number): void;
  /** Commits the offset of the next record to read, per partition. */
  commit(offsets: ReadonlyMap<number, number>): Promise<void>;
  /** Fetches nothing more and stays a member. */
  pause(): void;
  /** Leaves the group and disconnects. */
  stop(): Promise<void>;
}
