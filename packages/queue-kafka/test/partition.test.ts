import { KafkaDelivery } from "../src/delivery.ts";
import { Partition } from "../src/partition.ts";
import { ReadyLine } from "../src/ready-line.ts";

const owner = { settle: () => undefined, giveBack: () => undefined };

function partitionWith(...offsets: readonly number[]): { partition: Partition; deliveries: readonly KafkaDelivery[] } {
  const partition = new Partition(0);
  const deliveries = offsets.map((offset, i) => {
    const record = { offset, key: undefined, value: Buffer.alloc(0), headers: {}, timestamp: 0 };
    const delivery = new KafkaDelivery(partition, record, 1, i, owner);
    partition.add(delivery);
    return delivery;
  });
  return { partition, deliveries };
}

test("nothing is committed before anything came", () => {
  const { partition } = partitionWith();
  expect([partition.position, partition.isDirty, partition.spansLessThan(1)]).toEqual([undefined, false, true]);
});

test("the position is the lowest that is not done, whatever the order in which messages are done", () => {
  const { partition, deliveries } = partitionWith(5, 6, 8, 9);
  expect(partition.position).toBe(5);
  const positions = [2, 1, 0, 3].map((i) => {
    partition.remove(deliveries[i] as KafkaDelivery);
    return partition.position;
  });
  expect(positions).toEqual([5, 5, 9, 10]);
  expect(partition.spansLessThan(1)).toBe(true);
});

test("the span counts from the lowest that is not done", () => {
  const { partition, deliveries } = partitionWith(5, 6, 8, 9);
  const span = (): number => [0, 1, 2, 3, 4, 5, 6].find((records) => partition.spansLessThan(records + 1)) ?? Number.NaN;
  const spans = [1, 0, 2].map((i) => {
    partition.remove(deliveries[i] as KafkaDelivery);
    return span();
  });
  expect(spans).toEqual([5, 2, 1]);
});

test("a message that is given back holds the position, and only its last delivery ends it", () => {
  const { partition, deliveries } = partitionWith(0, 1);
  const [first, second] = deliveries as [KafkaDelivery, KafkaDelivery];
  const again = new KafkaDelivery(partition, first.record, 2, 0, owner);
  partition.replace(again);
  partition.remove(second);
  partition.remove(first);
  expect(partition.position).toBe(0);
  partition.remove(again);
  expect(partition.position).toBe(2);
});

test("what nobody may see behind the last message is passed, and nothing before it", () => {
  const { partition, deliveries } = partitionWith(3);
  partition.pass(5);
  expect(partition.position).toBe(3);
  partition.remove(deliveries[0] as KafkaDelivery);
  expect(partition.position).toBe(5);
  partition.pass(4);
  expect(partition.position).toBe(5);
});

test("settles of what is not out, or of another's partition, are refused", () => {
  const { partition, deliveries } = partitionWith(0);
  const [delivery] = deliveries as [KafkaDelivery];
  expect(() => delivery.ack()).toThrow(/no longer this consumer's/);
  delivery.state = "out";
  expect(delivery.owned()).toBe(true);
  partition.lost = true;
  expect(delivery.owned()).toBe(false);
  expect(() => delivery.ack()).toThrow(/no longer this consumer's/);
});

test("what comes again goes before what came later", () => {
  const { deliveries } = partitionWith(...Array.from({ length: 3_000 }, (_, offset) => offset));
  const line = new ReadyLine();
  for (const delivery of deliveries) line.push(delivery);
  const taken = Array.from({ length: 1_500 }, () => line.shift() as KafkaDelivery);
  line.insert(taken[700] as KafkaDelivery);
  line.insert(taken[3] as KafkaDelivery);
  line.remove(deliveries[1_501] as KafkaDelivery);
  expect([line.shift(), line.shift(), line.shift(), line.shift()].map((delivery) => delivery?.offset)).toEqual([
    3, 700, 1_500, 1_502,
  ]);
  expect(line.size).toBe(1_497);
});
