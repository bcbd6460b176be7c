import type { ErrorClass, ErrorCode } from "@omni/core";

interface Entry {
  readonly code: ErrorCode;
  readonly reason?: string;
}

const UNAVAILABLE: Entry = { code: "UNAVAILABLE" };
const NOT_ALLOWED = "the account may not do this: give it the right with kafka-acls.sh, or use another account";

/** The broker's error codes by name: https://kafka.apache.org/protocol#protocol_error_codes */
const BROKER_ERRORS: Readonly<Record<string, Entry>> = {
  UNKNOWN_TOPIC_OR_PARTITION: {
    code: "NOT_FOUND",
    reason: "the topic does not exist: create it with kafka-topics.sh --create, or leave the option createTopics on",
  },
  INVALID_TOPIC_EXCEPTION: { code: "INVALID_ARGUMENT", reason: "the broker does not take this topic name" },
  TOPIC_ALREADY_EXISTS: { code: "ALREADY_EXISTS" },
  MESSAGE_TOO_LARGE: {
    code: "TOO_LARGE",
    reason: "the message is larger than the topic takes: raise max.message.bytes of the topic, or lower maxMessageBytes here",
  },
  RECORD_LIST_TOO_LARGE: { code: "TOO_LARGE", reason: "the batch is larger than a segment of the topic" },
  INVALID_RECORD: { code: "INVALID_ARGUMENT", reason: "the broker refuses the record: a compacted topic wants a key" },
  INVALID_TIMESTAMP: {
    code: "INVALID_ARGUMENT",
    reason: "this machine's clock is too far from the broker's: see message.timestamp.after.max.ms of the topic",
  },
  TOPIC_AUTHORIZATION_FAILED: { code: "PERMISSION_DENIED", reason: NOT_ALLOWED },
  GROUP_AUTHORIZATION_FAILED: { code: "PERMISSION_DENIED", reason: NOT_ALLOWED },
  CLUSTER_AUTHORIZATION_FAILED: { code: "PERMISSION_DENIED", reason: NOT_ALLOWED },
  SASL_AUTHENTICATION_FAILED: { code: "UNAUTHENTICATED", reason: "the broker refused the user or password: check the option sasl" },
  UNSUPPORTED_SASL_MECHANISM: {
    code: "UNAUTHENTICATED",
    reason: "the broker does not offer this SASL mechanism: check sasl.mechanism",
  },
  ILLEGAL_SASL_STATE: {
    code: "UNAUTHENTICATED",
    reason: "the broker expects no SASL on this port: check the port, or leave the option sasl out",
  },
  REQUEST_TIMED_OUT: { code: "TIMEOUT" },
  THROTTLING_QUOTA_EXCEEDED: { code: "RATE_LIMITED" },
  INVALID_REPLICATION_FACTOR: {
    code: "INVALID_ARGUMENT",
    reason: "the cluster has fewer brokers than replicas were asked for: lower replicationFactor",
  },
  INVALID_PARTITIONS: { code: "INVALID_ARGUMENT", reason: "the broker does not take this number of partitions" },
  INVALID_CONFIG: { code: "INVALID_ARGUMENT", reason: "the broker does not take the option topicConfig" },
  POLICY_VIOLATION: { code: "INVALID_ARGUMENT", reason: "a policy of the cluster refuses the topic" },
  INVALID_GROUP_ID: { code: "INVALID_ARGUMENT", reason: "the broker does not take this group name" },
  INVALID_SESSION_TIMEOUT: {
    code: "INVALID_ARGUMENT",
    reason: "sessionTimeoutMs is outside of the broker's group.min.session.timeout.ms and group.max.session.timeout.ms",
  },
  INCONSISTENT_GROUP_PROTOCOL: {
    code: "INVALID_ARGUMENT",
    reason: "clients that share partitions in another way are in this group: use a group of its own",
  },
  GROUP_MAX_SIZE_REACHED: { code: "UNAVAILABLE", reason: "the group has as many members as the broker allows" },
  UNSUPPORTED_VERSION: { code: "NOT_SUPPORTED", reason: "the broker does not speak a version that kafkajs speaks" },
  UNSUPPORTED_FOR_MESSAGE_FORMAT: { code: "NOT_SUPPORTED" },
  LEADER_NOT_AVAILABLE: UNAVAILABLE,
  NOT_LEADER_FOR_PARTITION: UNAVAILABLE,
  BROKER_NOT_AVAILABLE: UNAVAILABLE,
  REPLICA_NOT_AVAILABLE: UNAVAILABLE,
  NETWORK_EXCEPTION: UNAVAILABLE,
  GROUP_LOAD_IN_PROGRESS: UNAVAILABLE,
  GROUP_COORDINATOR_NOT_AVAILABLE: UNAVAILABLE,
  NOT_COORDINATOR_FOR_GROUP: UNAVAILABLE,
  NOT_CONTROLLER: UNAVAILABLE,
  NOT_ENOUGH_REPLICAS: { code: "UNAVAILABLE", reason: "fewer replicas are in sync than min.insync.replicas asks for" },
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: {
    code: "UNAVAILABLE",
    reason: "fewer replicas are in sync than min.insync.replicas asks for",
  },
  KAFKA_STORAGE_ERROR: UNAVAILABLE,
  REBALANCE_IN_PROGRESS: UNAVAILABLE,
  ILLEGAL_GENERATION: {
    code: "PRECONDITION_FAILED",
    reason: "the group agreed anew meanwhile: the message goes to another consumer",
  },
  UNKNOWN_MEMBER_ID: { code: "PRECONDITION_FAILED", reason: "the group gave this consumer up: the message goes to another one" },
};

/** Errors of kafkajs itself by their names. */
const CLIENT_ERRORS: Readonly<Record<string, Entry>> = {
  KafkaJSConnectionError: {
    code: "UNAVAILABLE",
    reason: "no broker could be reached: check brokers (KAFKA_BROKERS), and that TLS is on only where the broker expects it",
  },
  KafkaJSConnectionClosedError: {
    code: "UNAVAILABLE",
    reason: "the broker closed the connection: where it always does, it expects TLS or a user, see the options tls and sasl",
  },
  KafkaJSBrokerNotFound: UNAVAILABLE,
  KafkaJSNoBrokerAvailableError: UNAVAILABLE,
  KafkaJSMetadataNotLoaded: UNAVAILABLE,
  KafkaJSTopicMetadataNotLoaded: UNAVAILABLE,
  KafkaJSGroupCoordinatorNotFound: UNAVAILABLE,
  KafkaJSRequestTimeoutError: { code: "TIMEOUT", reason: "the broker did not answer in time" },
  KafkaJSLockTimeout: { code: "TIMEOUT", reason: "the broker did not answer in time" },
  KafkaJSTimeout: { code: "TIMEOUT", reason: "the broker did not answer in time" },
  KafkaJSSASLAuthenticationError: {
    code: "UNAUTHENTICATED",
    reason: "the broker refused the user or password: check the option sasl",
  },
  KafkaJSNotImplemented: {
    code: "NOT_SUPPORTED",
    reason:
      "kafkajs cannot do this without another package; for a compression, register one: CompressionCodecs[CompressionTypes.Snappy] = ...",
  },
  KafkaJSServerDoesNotSupportApiKey: { code: "NOT_SUPPORTED", reason: "the broker does not speak a version that kafkajs speaks" },
};

/** Broker errors after which the records certainly are not in the log by this request. */
const REFUSALS: ReadonlySet<string> = new Set([
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
  "INVALID_TIMESTAMP",
  "INVALID_TOPIC_EXCEPTION",
  "TOPIC_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "UNSUPPORTED_FOR_MESSAGE_FORMAT",
]);

/** Errors of the producer's session: the records were not taken, and never will be from this producer. */
const SESSION_ERRORS: ReadonlySet<string> = new Set([
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "UNKNOWN_PRODUCER_ID",
  "INVALID_PRODUCER_ID_MAPPING",
  "INVALID_PRODUCER_EPOCH",
  "PRODUCER_FENCED",
]);

/** What cannot be changed by waiting. */
const FATAL: ReadonlySet<ErrorCode> = new Set([
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "INVALID_ARGUMENT",
  "NOT_SUPPORTED",
  "NOT_FOUND",
]);

/** What an error of kafkajs means: the broker's word first, wherever in the chain of causes it stands. Pure. */
export function classifyError(cause: unknown): ErrorClass | undefined {
  let byName: Entry | undefined;
  for (const error of chainOf(cause)) {
    const type = brokerErrorOf(error);
    const found = type === undefined ? undefined : BROKER_ERRORS[type];
    if (found) return found;
    byName ??= CLIENT_ERRORS[String((error as { name?: unknown }).name)];
  }
  return byName;
}

/**
 * Whether the broker said of the records themselves that it did not take them. kafkajs gives that answer as it came; the same word inside of another
 * error may be the answer to a question that followed after the records' own answer was lost.
 */
export function isRefusal(cause: unknown): boolean {
  return typeof cause === "object" && cause !== null && REFUSALS.has(brokerErrorOf(cause) ?? "");
}

/** Whether another producer is needed. */
export function isSessionError(cause: unknown): boolean {
  return hasBrokerError(cause, SESSION_ERRORS);
}

/** Whether the broker holds the records already, by an earlier request of the same producer. */
export function isStoredAlready(cause: unknown): boolean {
  return hasBrokerError(cause, STORED);
}

const STORED: ReadonlySet<string> = new Set(["DUPLICATE_SEQUENCE_NUMBER"]);

/** Whether somebody has to change something before it can succeed. */
export function isFatal(cause: unknown): boolean {
  const found = classifyError(cause);
  return found !== undefined && FATAL.has(found.code);
}

/** Whether a broker said it, whatever it said. */
export function isAnswer(cause: unknown): boolean {
  return chainOf(cause).some((error) => Object.hasOwn(BROKER_ERRORS, brokerErrorOf(error) ?? ""));
}

/** Whether the topic is not there. */
export function isMissingTopic(cause: unknown): boolean {
  return hasBrokerError(cause, MISSING);
}

const MISSING: ReadonlySet<string> = new Set(["UNKNOWN_TOPIC_OR_PARTITION"]);

function hasBrokerError(cause: unknown, types: ReadonlySet<string>): boolean {
  return chainOf(cause).some((error) => types.has(brokerErrorOf(error) ?? ""));
}

function brokerErrorOf(error: object): string | undefined {
  const { type } = error as { type?: unknown };
  return typeof type === "string" ? type : undefined;
}

// kafkajs wraps an error per layer of retries, and one per topic into a list.
function chainOf(cause: unknown): readonly object[] {
  const found: object[] = [];
  const add = (error: unknown, depth: number): void => {
    if (typeof error !== "object" || error === null || depth > 8) return;
    found.push(error);
    const { cause: under, errors } = error as { cause?: unknown; errors?: unknown };
    add(under, depth + 1);
    if (Array.isArray(errors)) for (const one of errors) add(one, depth + 1);
  };
  add(cause, 0);
  return found;
}
