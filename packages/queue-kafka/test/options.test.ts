import { OmniError } from "@omni/core";
import { kafkaQueue, queueFromEnv } from "@omni/queue-kafka";

const brokers = "127.0.0.1:1";

function refusal(make: () => unknown): OmniError {
  try {
    make();
  } catch (error) {
    if (OmniError.is(error)) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

const REFUSED = [
  ["no brokers", { brokers: "" }, "INVALID_ARGUMENT", /localhost:9092/],
  ["an empty list of brokers", { brokers: [] }, "INVALID_ARGUMENT", /localhost:9092/],
  ["a broker with a scheme", { brokers: "kafka://localhost:9092" }, "INVALID_ARGUMENT", /without a scheme/],
  ["an unknown option", { brokers, acks: 1 }, "INVALID_ARGUMENT", /no option "acks".*compression/],
  ["an option in another spelling", { brokers, session_timeout_ms: 1 }, "INVALID_ARGUMENT", /no option "session_timeout_ms"/],
  ["an option of other clients", { brokers, groupInstanceId: "a" }, "NOT_SUPPORTED", /static membership/],
  ["an unknown compression", { brokers, compression: "brotli" }, "INVALID_ARGUMENT", /"gzip"/],
  ["a compression without a codec", { brokers, compression: "zstd" }, "NOT_SUPPORTED", /CompressionTypes\.ZSTD/],
  ["snappy without a codec", { brokers, compression: "snappy" }, "NOT_SUPPORTED", /CompressionTypes\.Snappy/],
  [
    "an unknown mechanism",
    { brokers, sasl: { mechanism: "gssapi", username: "u", password: "secret" } },
    "INVALID_ARGUMENT",
    /scram-sha-512/,
  ],
  [
    "a mechanism without a user",
    { brokers, sasl: { mechanism: "plain", username: "", password: "secret" } },
    "INVALID_ARGUMENT",
    /username/,
  ],
  ["no partitions", { brokers, partitions: 0 }, "INVALID_ARGUMENT", /partitions is 0/],
  ["heartbeats rarer than sessions", { brokers, heartbeatMs: 9_000, sessionTimeoutMs: 6_000 }, "INVALID_ARGUMENT", /third/],
  ["a topic that Kafka does not take", { brokers, topic: "a/b" }, "INVALID_ARGUMENT", /249/],
] as const;

describe("options that are refused", () => {
  for (const [what, options, code, message] of REFUSED) {
    test(what, () => {
      const error = refusal(() => kafkaQueue(options as never));
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain("secret");
    });
  }
});

test("brokers may be a text or a list, with blanks, and have a port of their own or 9092", () => {
  const identity = (given: string | readonly string[]): string | undefined => kafkaQueue({ brokers: given }).driver.identity;
  expect(identity(" a:1 , b ")).toBe("kafka://a:1,b:9092");
  expect(identity(["b", "a:1"])).toBe("kafka://a:1,b:9092");
  expect(identity("[::1]:9092")).toBe("kafka://[::1]:9092");
});

test("what signs in is not shown", () => {
  const queue = kafkaQueue({ brokers, sasl: { mechanism: "plain", username: "user-1", password: "secret-1" } });
  expect(`${JSON.stringify(queue.driver)}${queue.driver.identity}`).not.toMatch(/user-1|secret-1/);
});

describe("from the environment", () => {
  test("brokers, topic and group", () => {
    const queue = queueFromEnv({ KAFKA_BROKERS: "a:1,b:2", KAFKA_TOPIC: "orders", KAFKA_CONSUMER_GROUP: "billing" });
    expect([queue.topic, queue.driver.identity]).toEqual(["orders", "kafka://a:1,b:2"]);
  });

  test("the topic of QUEUE_TOPIC comes first", () => {
    expect(queueFromEnv({ KAFKA_BROKERS: "a:1", KAFKA_TOPIC: "orders" }, { topic: "other" }).topic).toBe("other");
  });

  test("without brokers it says what is missing", () => {
    expect(refusal(() => queueFromEnv({})).message).toMatch(/KAFKA_BROKERS is not set.*localhost:9092/);
  });
});
