import { parseQueueUrl } from "../../src/config/queues.ts";

describe("a queue's URL", () => {
  test.each([
    [
      "nats://h:4222/orders?stream=S&createStream=false",
      "nats",
      "orders",
      { url: "nats://h:4222", stream: "S", createStream: false },
    ],
    ["tls://u:p@h/t", "nats", "t", { url: "tls://u:p@h" }],
    ["kafka://a:9092,b:9092/t%20x?maxWaiting=5", "kafka", "t x", { brokers: "a:9092,b:9092", maxWaiting: 5 }],
    ["memory://local/t", "memory", "t", {}],
    ["memory://", "memory", undefined, {}],
  ])("%s", (text, type, topic, options) => expect(parseQueueUrl(text)).toEqual({ type, topic, options }));

  test("of another kind is refused with the ones that there are, without its secrets", () => {
    expect(() => parseQueueUrl("redis://u:secret@h/x")).toThrow(/"redis:\/\/\*\*\*@h\/x" is no queue; write nats:/);
    expect(() => parseQueueUrl("kafka:///x")).toThrow("names no host");
    expect(parseQueueUrl("orders:topic")).toBeUndefined();
  });
});
