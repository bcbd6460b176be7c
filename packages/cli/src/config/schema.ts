import { nearest } from "@omni/core";
import type { QueueOptions } from "@omni/core/queue";
import type { MultiOptions } from "@omni/multi";
import type { CompositeOptions } from "@omni/queue-composite";
import type { KafkaQueueOptions } from "@omni/queue-kafka";
import type { MemoryQueueOptions } from "@omni/queue-memory";
import type { NatsQueueOptions } from "@omni/queue-nats";
import { z } from "zod";
import { NAME } from "./address.ts";
import { isBackend, isQueue, type OmniConfig } from "./entry.ts";

/** What only code can give is not in the schema. */
type InText<O, K extends string = never> = Omit<O, "logger" | "clock" | K>;
/** Every option of `O`, and none that it does not have. */
type Shape<O> = { readonly [K in keyof Required<O>]: z.ZodType };

const text = (about: string): z.ZodType => z.string().describe(about).optional();
const flag = (about: string): z.ZodType => z.boolean().describe(about).optional();
const count = (about: string, least = 0): z.ZodType => z.int().min(least).describe(about).optional();
const choice = (about: string, values: readonly [string, ...string[]]): z.ZodType => z.enum(values).describe(about).optional();
const record = (about: string): z.ZodType => z.record(z.string(), z.unknown()).describe(about).optional();

/** An object whose unknown keys are refused with the one that was probably meant. */
function strict(shape: z.core.$ZodShape): z.ZodType {
  const known = Object.keys(shape).filter((key) => key !== "$schema");
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const [key = ""] = issue.keys as readonly string[];
      const meant = nearest(key, known);
      return `unknown key "${key}"${meant === undefined ? "" : `; did you mean "${meant}"?`} Known: ${known.join(", ")}`;
    },
  });
}

const named = (value: z.ZodType, about: string): z.ZodType =>
  z.record(z.string().regex(NAME, "a name is a letter, then letters, digits, - and _"), value).describe(about).optional();

const breaker = z
  .union([
    z.literal(false),
    strict({ failures: count("failures in a row", 1), openMs: count("milliseconds"), jitter: z.number().min(0).max(1).optional() }),
  ])
  .describe("when a member that fails again and again is left alone; false = never")
  .optional();

const QUEUE: Shape<InText<QueueOptions>> = {
  topic: text("topic of messages and consumers that name none"),
  group: text("group of consumers that name none"),
  source: text("source of messages that name none"),
  form: choice("how messages lie on the wire", ["binary", "json"]),
  publishTimeoutMs: count("milliseconds until a publish gives up", 1),
  batch: z
    .union([
      z.literal(false),
      strict({ lingerMs: count("milliseconds"), maxMessages: count("messages", 1), maxBytes: count("bytes", 1) }),
    ])
    .optional(),
};

const MEMORY: Shape<InText<MemoryQueueOptions>> = {
  ...QUEUE,
  capacity: count("most messages of a topic that are not settled", 1),
  whenFull: choice("what publish does when the topic is full", ["wait", "reject"]),
  history: count("messages kept after they were settled"),
  ackDeadlineMs: count("milliseconds", 1),
  dedupeWindowMs: count("milliseconds"),
};

const NATS: Shape<InText<NatsQueueOptions, "connect">> = {
  ...QUEUE,
  url: z
    .union([z.string(), z.array(z.string())])
    .describe("nats://host:4222 or tls://host:4222, several of one cluster")
    .optional(),
  stream: text("name of the stream"),
  mode: choice("jetstream keeps messages, core does not", ["jetstream", "core"]),
  subjectPrefix: text("what stands before a topic to make its subject"),
  subjects: z.array(z.string()).describe("subjects of the stream when it is made here").optional(),
  createStream: flag("make the stream when it is missing"),
  storage: choice("where the stream keeps its messages", ["file", "memory"]),
  replicas: count("servers that keep a copy", 1),
  maxAgeMs: count("milliseconds that messages are kept; 0 = for ever"),
  maxStreamBytes: count("most bytes in a stream made here", 1),
  dedupeWindowMs: count("milliseconds", 100),
  ackDeadlineMs: count("milliseconds", 100),
  ackMode: choice("when ack resolves", ["sent", "confirmed"]),
  maxUnacked: count("publishes without the broker's word at one time", 1),
  maxWaiting: count("messages that may wait here", 1),
  maxAckPending: count("deliveries that wait to be settled", 1),
  maxPayloadBytes: count("the server's max_payload in bytes", 1),
  whenDisconnected: choice("what a publish does while the connection is down", ["reject", "wait"]),
  noStreamRetryMs: count("milliseconds"),
  connectTimeoutMs: count("milliseconds", 1),
  maxReconnectDelayMs: count("milliseconds", 1),
  pingIntervalMs: count("milliseconds", 10),
  auth: record("{ user, password }, { token }, { nkeySeed }, { creds } or { credsFile }"),
  tls: record("ca, caFile, cert, certFile, key, keyFile, handshakeFirst"),
  clientName: text("name of the connection"),
  inboxPrefix: text("where answers come to"),
};

const KAFKA: Shape<InText<KafkaQueueOptions>> = {
  ...QUEUE,
  brokers: z.union([z.string(), z.array(z.string())]).describe("a:9092,b:9092, or a list"),
  clientId: text("name of this client in the brokers' logs"),
  tls: z
    .union([z.boolean(), z.record(z.string(), z.unknown())])
    .describe("true, or what tls.connect takes")
    .optional(),
  sasl: record("mechanism, username, password"),
  compression: choice("of what is published", ["none", "gzip", "snappy", "lz4", "zstd"]),
  createTopics: flag("create topics when they are first used"),
  partitions: count("partitions of topics that are created", 1),
  replicationFactor: count("copies of topics that are created", 1),
  topicConfig: z.record(z.string(), z.string()).describe("configuration of topics that are created").optional(),
  maxMessageBytes: count("largest record in bytes", 4096),
  maxWaiting: count("messages that may wait here", 1),
  sessionTimeoutMs: count("milliseconds", 1),
  heartbeatMs: count("milliseconds", 1),
  rebalanceTimeoutMs: count("milliseconds", 1),
  fetchWaitMs: count("milliseconds", 1),
  commitEveryMs: count("milliseconds"),
  maxUncommitted: count("messages", 1),
  watchdogMs: count("milliseconds", 1),
  connectTimeoutMs: count("milliseconds", 1),
  requestTimeoutMs: count("milliseconds", 1),
};

const GROUP: Shape<InText<MultiOptions, "closeMembers">> = {
  mode: choice("how many members must take a write", ["all", "quorum", "best-effort"]),
  quorum: count("members that must take a write in mode quorum", 1),
  minCommits: count("members that must take a write in mode best-effort"),
  partial: choice("what a write does that succeeded although members failed", ["resolve", "throw"]),
  memberTimeoutMs: count("milliseconds that a member may owe an answer", 1),
  windowBytes: count("bytes that may wait for one member", 1),
  stageAboveBytes: count("bodies up to so many bytes are held here, not staged"),
  laggardMs: count("milliseconds for which a member may hold up a change that enough others took"),
  minBytesPerSecond: count("bytes a second that a member must take"),
  breaker,
  readPolicy: choice("which member answers a read", ["first", "fastest", "round-robin", "quorum"]),
  readRepair: flag("repair in the background what a quorum read finds behind"),
  journal: text("name or URL of the backend that keeps the journal"),
  adopt: flag("take an empty journal although members hold what a group wrote"),
  changeMembers: flag("let the journal's group have other members from now on"),
};

const COMPOSITE: Shape<InText<CompositeOptions>> = {
  ...QUEUE,
  strategy: choice("when a publish is done", ["fail-fast", "all", "best-effort", "quorum", "failover"]),
  minAcks: count("of best-effort: members that have to hold a message"),
  quorum: count("of quorum: members that have to hold a message", 1),
  subscribe: z
    .union([z.enum(["first", "all"]), z.literal(false), z.array(z.string())])
    .describe("which members are read")
    .optional(),
  topics: z.record(z.string(), z.record(z.string(), z.string())).describe("by member: what it calls the topics").optional(),
  memberTimeoutMs: count("milliseconds", 1),
  breaker,
  fallbackAfterMs: count("milliseconds"),
  dedupeWindowMs: count("milliseconds"),
  dedupeMaxIds: count("ids", 1),
};

const memberOfGroup = z.union([
  z.string(),
  strict({
    name: z.string().min(1).describe("what outcomes and errors call it"),
    backend: z.string().min(1).describe("name or URL of a backend"),
    windowBytes: count("bytes that may wait for it", 1),
    timeoutMs: count("milliseconds that it may owe an answer", 1),
    minBytesPerSecond: count("bytes a second that it must take"),
  }),
]);

const memberOfComposite = z.union([
  z.string(),
  strict({
    name: z.string().min(1).describe("what outcomes and errors call it"),
    queue: z.string().min(1).describe("name or URL of a queue"),
    required: flag("whether ready and health fail without it"),
    timeoutMs: count("milliseconds until a call to it is given up", 1),
  }),
]);

/** A description of a backend: its URL, and whatever options its own table knows, which are checked when it is opened. */
const backendSettings = z.looseObject({
  url: z.string().min(1).describe("s3://bucket/prefix, gs://bucket, file:///directory, ./directory, memory"),
});
const queueSettings = z.discriminatedUnion("type", [
  strict({ type: z.literal("memory"), ...MEMORY }) as z.ZodObject,
  strict({ type: z.literal("nats"), ...NATS }) as z.ZodObject,
  strict({ type: z.literal("kafka"), ...KAFKA }) as z.ZodObject,
]);

const isFactory = (value: unknown): boolean => typeof value === "function";

/**
 * The one table of what a configuration may hold: both what is checked and the JSON Schema are made of it.
 *
 * @param code whether values may be backends, queues and functions, as in TypeScript
 */
export function configSchema(code: boolean): z.ZodType<OmniConfig> {
  const backend = code
    ? [z.custom((value) => isBackend(value) || isFactory(value)), z.string().min(1), backendSettings]
    : [z.string().min(1), backendSettings];
  const queue = code
    ? [z.custom((value) => isQueue(value) || isFactory(value)), z.string().min(1), queueSettings]
    : [z.string().min(1), queueSettings];
  const use = code ? z.union([z.custom(isFactory), z.string().min(1)]) : z.string().min(1);
  return strict({
    $schema: z.string().optional(),
    use: z.array(use).describe("packages, or files beginning with ./, whose backends are known too").optional(),
    backends: named(z.union(backend), "stores by name: a URL, or { url } with the options of the backend"),
    groups: named(strict({ members: z.array(memberOfGroup).min(1), ...GROUP }), "several stores as one"),
    queues: named(z.union(queue), "queues by name: nats://host:4222/topic, kafka://host:9092/topic, or { type } with options"),
    composites: named(strict({ members: z.array(memberOfComposite).min(1), ...COMPOSITE }), "several queues as one"),
  }) as z.ZodType<OmniConfig>;
}
