/** From values to places on a line, with the values worth marking. */
export interface Scale {
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** Marks per power of ten, the fewest first: as many are taken as have room. */
const steps: readonly (readonly number[])[] = [
  [1],
  [1, 3],
  [1, 2, 5],
  [1, 1.5, 2, 3, 5, 7],
  [1, 1.1, 1.25, 1.5, 2, 3, 5, 6, 7, 8, 9],
];

/**
 * A logarithmic scale: twice as good is as far from 1 as half as good. It always holds 1, and some room on both sides of it.
 *
 * @param values - what has to find its place; above 0
 * @param from - place of its left end
 * @param to - place of its right end
 */
export function ratioScale(values: readonly number[], from: number, to: number): Scale {
  const low = Math.log(Math.min(0.8, ...values) / 1.06);
  const high = Math.log(Math.max(1.25, ...values) * 1.06);
  const at = (value: number) => from + ((Math.log(value) - low) / (high - low)) * (to - from);
  const all = steps.map((step) => powers(low, high).flatMap((power) => step.map((each) => each * power)));
  const inside = all.map((list) => list.filter((value) => at(value) >= from && at(value) <= to).map((value) => round(value)));
  return { at, ticks: inside.findLast((list) => haveRoom(list.map(at))) ?? [1] };
}

/** A linear scale from 0, for bars. */
export function barScale(highest: number, from: number, to: number): Scale {
  const at = (value: number) => from + (value / highest) * (to - from);
  return { at, ticks: [] };
}

function powers(low: number, high: number): number[] {
  const first = Math.floor(low / Math.LN10);
  const last = Math.ceil(high / Math.LN10);
  return Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
}

/** Without what binary fractions leave behind: 0.7000000000000001. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

function haveRoom(places: readonly number[]): boolean {
  return places.every((place, index) => index === 0 || place - places[index - 1]! >= 26);
}
