import fc from "fast-check";
import { assignPartitions, type Candidate } from "../src/assigner.ts";

const member = (id: string, topics: readonly string[], owned: Candidate["owned"] = {}): Candidate => ({
  id,
  topics: new Set(topics),
  owned,
});
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

test("a member gets nothing of a topic that it did not ask for", () => {
  const assigned = assignPartitions(
    [member("a", ["x"]), member("b", ["y"])],
    new Map([
      ["x", [0, 1]],
      ["y", [0]],
    ]),
  );
  expect(assigned.get("a")).toEqual({ x: [0, 1] });
  expect(assigned.get("b")).toEqual({ y: [0] });
});

test("a member that comes takes only what makes the shares even", () => {
  const before = member("a", ["x"], { x: [0, 1, 2, 3] });
  const assigned = assignPartitions([before, member("b", ["x"])], new Map([["x", numbers(4)]]));
  expect(assigned.get("a")).toEqual({ x: [0, 1] });
  expect(assigned.get("b")).toEqual({ x: [2, 3] });
});

test("a member that goes leaves the others what they had", () => {
  const left = [member("a", ["x"], { x: [0, 3] }), member("b", ["x"], { x: [1, 4] })];
  const assigned = assignPartitions(left, new Map([["x", numbers(6)]]));
  expect(assigned.get("a")?.x).toEqual(expect.arrayContaining([0, 3]));
  expect(assigned.get("b")?.x).toEqual(expect.arrayContaining([1, 4]));
});

test("many topics of one partition do not all go to one member", () => {
  const topics = new Map(["a", "b", "c", "d"].map((topic) => [topic, [0]] as const));
  const assigned = assignPartitions([member("m1", [...topics.keys()]), member("m2", [...topics.keys()])], topics);
  expect([...assigned.values()].map((share) => Object.keys(share).length)).toEqual([2, 2]);
});

test("every partition goes to one member that wants it, evenly, whatever members claim to own", () => {
  const topicNames = ["x", "y", "z"];
  const anyMember = fc.record({
    topics: fc.subarray(topicNames, { minLength: 1 }),
    owned: fc.dictionary(fc.constantFrom(...topicNames, "gone"), fc.array(fc.nat(12), { maxLength: 12 })),
  });
  fc.assert(
    fc.property(
      fc.array(anyMember, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 3, maxLength: 3 }),
      (given, counts) => {
        const members = given.map(({ topics, owned }, i) => member(`m${i}`, topics, owned));
        const partitions = new Map(topicNames.map((topic, i) => [topic, numbers(counts[i] ?? 1)] as const));
        const assigned = assignPartitions(members, partitions);
        for (const [topic, all] of partitions) {
          const wanting = members.filter((one) => one.topics.has(topic));
          const shares = members.map((one) => assigned.get(one.id)?.[topic] ?? []);
          expect(shares.flat().sort((a, b) => a - b)).toEqual(wanting.length === 0 ? [] : all);
          const sizes = wanting.map((one) => assigned.get(one.id)?.[topic]?.length ?? 0);
          if (sizes.length > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          for (const one of members) if (!one.topics.has(topic)) expect(assigned.get(one.id)?.[topic]).toBeUndefined();
        }
      },
    ),
  );
});
