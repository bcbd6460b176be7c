import { seededRandom, shuffled } from "../runner/random.ts";
import { alternation } from "../runner/schedule.ts";

const subjects = ["ours", "one", "two"];

test("every round runs each subject once", () => {
  for (const round of alternation(subjects, 50, seededRandom(1))) expect([...round].sort()).toEqual(["one", "ours", "two"]);
});

test("the same seed gives the same order, another seed another", () => {
  const order = alternation(subjects, 15, seededRandom(7));
  expect(alternation(subjects, 15, seededRandom(7))).toEqual(order);
  expect(alternation(subjects, 15, seededRandom(8))).not.toEqual(order);
});

test("each of the six orders comes up as often as the others", () => {
  const counts = new Map<string, number>();
  for (const round of alternation(subjects, 6000, seededRandom(3))) counts.set(round.join(), (counts.get(round.join()) ?? 0) + 1);
  expect(counts.size).toBe(6);
  for (const count of counts.values()) {
    // 1000 expected, standard deviation 29: five of them.
    expect(Math.abs(count - 1000)).toBeLessThan(145);
  }
});

test("shuffling leaves the given list alone", () => {
  const items = Object.freeze([1, 2, 3, 4]);
  expect(shuffled(items, seededRandom(9)).sort()).toEqual([1, 2, 3, 4]);
});

test("draws lie in [0, 1) and spread evenly", () => {
  const random = seededRandom(0);
  const buckets = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 10_000; draw += 1) {
    const value = random();
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThan(1);
    buckets[Math.floor(value * 10)]! += 1;
  }
  for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
