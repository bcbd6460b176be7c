import { kafkajsClient } from "../src/kafkajs-client.ts";
import { checkKafkaOptions } from "../src/options.ts";

const client = kafkajsClient(checkKafkaOptions({ brokers: "b:1" }));
const partitions = (count: number) => Array.from({ length: count }, (_, partition) => ({ partition, leader: 1 }));

/** Hashes that Apache Kafka's own test of its murmur2 expects (UtilsTest.testMurmur2). */
const JAVA_HASHES: readonly (readonly [key: string, hash: number])[] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
];

test.each(JAVA_HASHES)("the key %s goes where a Java client sends it", (key, hash) => {
  for (const count of [1, 2, 3, 7, 12, 100])
    expect(client.choosePartition("t", Buffer.from(key), partitions(count))).toBe((hash & 0x7fffffff) % count);
});

test("an empty key is a key", () => {
  const chosen = Array.from({ length: 5 }, () => client.choosePartition("t", Buffer.from(""), partitions(100)));
  expect(new Set(chosen).size).toBe(1);
});

test("without a key all partitions have their turn", () => {
  const chosen = Array.from({ length: 40 }, () => client.choosePartition("turns", undefined, partitions(4)));
  for (const partition of [0, 1, 2, 3]) expect(chosen.filter((one) => one === partition)).toHaveLength(10);
});
