import type { Random } from "./random.ts";

/** A median with the interval that holds it with the given confidence. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The middle value; the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/**
 * The value below which a share of the values lies, interpolated between neighbours.
 *
 * @param share - between 0 and 1
 * @throws RangeError when there is no value
 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("a quantile needs at least one value");
  return quantileOfSorted(Float64Array.from(values).sort(), share);
}

function quantileOfSorted(sorted: Float64Array, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}

/**
 * The median with its percentile bootstrap interval: the values are drawn again with replacement many times, and the
 * interval is what the middle part of those medians covers.
 *
 * @param values - one value per round; a ratio must be formed within its round before it comes here
 * @param confidence - the share of intervals that hold the true median, were the run repeated. @default 0.95
 * @param resamples - how many times the values are drawn again. @default 10_000
 */
export function bootstrapMedian(values: readonly number[], random: Random, confidence = 0.95, resamples = 10_000): Interval {
  const medians = new Float64Array(resamples);
  const drawn = new Float64Array(values.length);
  for (let sample = 0; sample < resamples; sample += 1) {
    for (let index = 0; index < drawn.length; index += 1) {
      drawn[index] = values[Math.floor(random() * values.length)] as number;
    }
    medians[sample] = quantileOfSorted(drawn.sort(), 0.5);
  }
  medians.sort();
  const tail = (1 - confidence) / 2;
  return { median: median(values), low: quantileOfSorted(medians, tail), high: quantileOfSorted(medians, 1 - tail) };
}

/** The interval's width as a share of its median: what decides whether a ratio can be claimed at all. */
export function relativeWidth(interval: Interval): number {
  return (interval.high - interval.low) / interval.median;
}
