import { classifyError, isFatal, isMissingTopic, isRefusal, isSessionError, isStoredAlready } from "../src/errors.ts";

/** As kafkajs builds them: the broker's error, wrapped once per layer of retries. */
function fromBroker(type: string): Error {
  return Object.assign(new Error(type), { name: "KafkaJSProtocolError", type });
}
function retried(cause: Error): Error {
  return Object.assign(new Error(cause.message, { cause }), { name: "KafkaJSNumberOfRetriesExceeded" });
}
function ofClient(name: string): Error {
  return Object.assign(new Error("as kafkajs says it"), { name });
}
function aggregated(...errors: readonly Error[]): Error {
  return Object.assign(new Error("Topic creation errors"), { name: "KafkaJSAggregateError", errors });
}

const BROKER = [
  ["UNKNOWN_TOPIC_OR_PARTITION", "NOT_FOUND", /create it/],
  ["INVALID_TOPIC_EXCEPTION", "INVALID_ARGUMENT", /topic name/],
  ["TOPIC_ALREADY_EXISTS", "ALREADY_EXISTS", undefined],
  ["MESSAGE_TOO_LARGE", "TOO_LARGE", /max\.message\.bytes/],
  ["INVALID_RECORD", "INVALID_ARGUMENT", /compacted/],
  ["INVALID_TIMESTAMP", "INVALID_ARGUMENT", /clock/],
  ["TOPIC_AUTHORIZATION_FAILED", "PERMISSION_DENIED", /kafka-acls/],
  ["GROUP_AUTHORIZATION_FAILED", "PERMISSION_DENIED", /kafka-acls/],
  ["CLUSTER_AUTHORIZATION_FAILED", "PERMISSION_DENIED", /kafka-acls/],
  ["SASL_AUTHENTICATION_FAILED", "UNAUTHENTICATED", /password/],
  ["UNSUPPORTED_SASL_MECHANISM", "UNAUTHENTICATED", /mechanism/],
  ["ILLEGAL_SASL_STATE", "UNAUTHENTICATED", /port/],
  ["REQUEST_TIMED_OUT", "TIMEOUT", undefined],
  ["THROTTLING_QUOTA_EXCEEDED", "RATE_LIMITED", undefined],
  ["INVALID_REPLICATION_FACTOR", "INVALID_ARGUMENT", /replicationFactor/],
  ["INVALID_SESSION_TIMEOUT", "INVALID_ARGUMENT", /sessionTimeoutMs/],
  ["INCONSISTENT_GROUP_PROTOCOL", "INVALID_ARGUMENT", /group of its own/],
  ["UNSUPPORTED_VERSION", "NOT_SUPPORTED", /version/],
  ["LEADER_NOT_AVAILABLE", "UNAVAILABLE", undefined],
  ["NOT_LEADER_FOR_PARTITION", "UNAVAILABLE", undefined],
  ["NOT_ENOUGH_REPLICAS", "UNAVAILABLE", /min\.insync/],
  ["ILLEGAL_GENERATION", "PRECONDITION_FAILED", /another consumer/],
] as const;

const CLIENT = [
  ["KafkaJSConnectionError", "UNAVAILABLE", /KAFKA_BROKERS/],
  ["KafkaJSConnectionClosedError", "UNAVAILABLE", /closed/],
  ["KafkaJSBrokerNotFound", "UNAVAILABLE", undefined],
  ["KafkaJSRequestTimeoutError", "TIMEOUT", /in time/],
  ["KafkaJSSASLAuthenticationError", "UNAUTHENTICATED", /password/],
  ["KafkaJSNotImplemented", "NOT_SUPPORTED", /CompressionCodecs/],
  ["KafkaJSServerDoesNotSupportApiKey", "NOT_SUPPORTED", /version/],
] as const;

describe("what errors of the broker mean", () => {
  for (const [type, code, reason] of BROKER) {
    test(`${type} is ${code}`, () => {
      for (const error of [
        fromBroker(type),
        retried(fromBroker(type)),
        retried(retried(fromBroker(type))),
        aggregated(fromBroker(type)),
      ]) {
        expect(classifyError(error)?.code).toBe(code);
        if (reason) expect(classifyError(error)?.reason).toMatch(reason);
      }
    });
  }
});

describe("what errors of kafkajs mean", () => {
  for (const [name, code, reason] of CLIENT) {
    test(`${name} is ${code}`, () => {
      for (const error of [ofClient(name), retried(ofClient(name))]) {
        expect(classifyError(error)?.code).toBe(code);
        if (reason) expect(classifyError(error)?.reason).toMatch(reason);
      }
    });
  }

  test("what is under it counts before how often it was tried", () => {
    expect(
      classifyError(
        retried(Object.assign(ofClient("KafkaJSConnectionError"), { cause: fromBroker("SASL_AUTHENTICATION_FAILED") })),
      ),
    ).toMatchObject({
      code: "UNAUTHENTICATED",
    });
  });

  test("anything else is not known", () => {
    for (const cause of [new Error("x"), undefined, null, "text", 7, { name: 5, type: 7 }])
      expect(classifyError(cause)).toBeUndefined();
  });

  test("a chain of causes that is a ring ends", () => {
    const ring = new Error("a");
    ring.cause = ring;
    expect(classifyError(ring)).toBeUndefined();
  });
});

test("refusals are what certainly is not in the log, and nothing else", () => {
  for (const type of ["MESSAGE_TOO_LARGE", "INVALID_RECORD", "TOPIC_AUTHORIZATION_FAILED", "INVALID_TIMESTAMP"]) {
    expect(isRefusal(fromBroker(type))).toBe(true);
    // Inside of another error it may be the answer to another question.
    expect(isRefusal(retried(fromBroker(type)))).toBe(false);
  }
  for (const type of ["REQUEST_TIMED_OUT", "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "NOT_LEADER_FOR_PARTITION", "UNKNOWN"]) {
    expect(isRefusal(fromBroker(type))).toBe(false);
  }
  expect(isRefusal(ofClient("KafkaJSRequestTimeoutError"))).toBe(false);
});

test("session errors, copies, missing topics and what waiting does not change", () => {
  expect([fromBroker("OUT_OF_ORDER_SEQUENCE_NUMBER"), fromBroker("UNKNOWN_PRODUCER_ID")].map(isSessionError)).toEqual([true, true]);
  expect(isSessionError(fromBroker("REQUEST_TIMED_OUT"))).toBe(false);
  expect(isStoredAlready(retried(fromBroker("DUPLICATE_SEQUENCE_NUMBER")))).toBe(true);
  expect(isMissingTopic(aggregated(fromBroker("UNKNOWN_TOPIC_OR_PARTITION")))).toBe(true);
  expect([fromBroker("SASL_AUTHENTICATION_FAILED"), fromBroker("TOPIC_AUTHORIZATION_FAILED")].map(isFatal)).toEqual([true, true]);
  expect([ofClient("KafkaJSConnectionError"), fromBroker("LEADER_NOT_AVAILABLE"), new Error("x")].map(isFatal)).toEqual([
    false,
    false,
    false,
  ]);
});
