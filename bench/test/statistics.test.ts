import { seededRandom } from "../runner/random.ts";
import { bootstrapMedian, median, quantile, relativeWidth } from "../runner/statistics.ts";

describe("median and quantile", () => {
  test("the middle of an odd number of values, whatever their order", () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  test("the mean of the middle two of an even number", () => {
    expect(median([1, 2, 4, 100])).toBe(3);
  });

  test("numbers are ordered as numbers, not as text", () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  test("a quantile is interpolated between neighbours", () => {
    expect(quantile([0, 10, 20, 30], 0.25)).toBe(7.5);
    expect(quantile([0, 10], 0)).toBe(0);
    expect(quantile([0, 10], 1)).toBe(10);
  });

  test("no value has no median", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("bootstrap interval", () => {
  test("equal values leave no doubt", () => {
    expect(bootstrapMedian(new Array(15).fill(1.5), seededRandom(1))).toEqual({ median: 1.5, low: 1.5, high: 1.5 });
  });

  // For 15 distinct values the distribution is known: the resampled median is at most the k-th value when at least 8 of 15 draws
  // are. The tails of 5 % lie well between two values here, so that the luck of the draw cannot decide.
  test("agrees with the exact distribution on 1..15", () => {
    const values = Array.from({ length: 15 }, (_, index) => index + 1);
    const { median: middle, low, high } = bootstrapMedian(values, seededRandom(2), 0.9);
    expect([low, middle, high]).toEqual([exactPoint(0.05), 8, exactPoint(0.95)]);
    expect([low, high]).toEqual([5, 11]);
  });

  test("holds the true median about as often as it says", () => {
    const random = seededRandom(3);
    let held = 0;
    const repeats = 400;
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const { low, high } = bootstrapMedian(
        Array.from({ length: 15 }, () => normal(random)),
        random,
        0.95,
        500,
      );
      if (low <= 0 && 0 <= high) held += 1;
    }
    expect(held / repeats).toBeGreaterThan(0.9);
    expect(held / repeats).toBeLessThan(0.99);
  });

  test("one wild round does not move it", () => {
    const calm = [1.01, 0.99, 1, 1.02, 0.98, 1, 1.01, 0.99, 1, 1, 1.02, 0.98, 1.01, 0.99];
    const { median: middle, low, high } = bootstrapMedian([...calm, 50], seededRandom(4));
    expect(middle).toBe(1);
    expect(low).toBeGreaterThanOrEqual(0.98);
    expect(high).toBeLessThanOrEqual(1.02);
  });

  test("the same seed gives the same interval", () => {
    const values = [1, 4, 2, 8, 5, 7, 3, 6, 9, 2.5, 4.5, 6.5, 1.5, 3.5, 5.5];
    expect(bootstrapMedian(values, seededRandom(5))).toEqual(bootstrapMedian(values, seededRandom(5)));
  });

  test("more confidence is a wider interval", () => {
    const values = Array.from({ length: 15 }, (_, index) => index);
    const narrow = bootstrapMedian(values, seededRandom(6), 0.5);
    const wide = bootstrapMedian(values, seededRandom(6), 0.99);
    expect(wide.low).toBeLessThan(narrow.low);
    expect(wide.high).toBeGreaterThan(narrow.high);
  });

  test("the width is a share of the median", () => {
    expect(relativeWidth({ median: 2, low: 1.9, high: 2.1 })).toBeCloseTo(0.1);
  });
});

/** The smallest k in 1..15 for which at least 8 of 15 even draws are at most k with probability `share`. */
function exactPoint(share: number): number {
  for (let k = 1; ; k += 1) {
    let probability = 0;
    for (let hits = 8; hits <= 15; hits += 1) probability += choose(15, hits) * (k / 15) ** hits * (1 - k / 15) ** (15 - hits);
    if (probability >= share) return k;
  }
}

function choose(n: number, k: number): number {
  return k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k;
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
