/** A source of numbers in [0, 1), the same sequence for the same seed. */
export type Random = () => number;

/**
 * Makes a seeded generator, so that a recorded seed repeats the order of a run and its intervals.
 * `Math.random` takes no seed; this is mulberry32, whose 2^32 period is far past what a run draws.
 *
 * @param seed - any integer; taken modulo 2^32
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A new array with the items in a random order, each order equally likely (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const pick = Math.floor(random() * (last + 1));
    [result[last], result[pick]] = [result[pick] as T, result[last] as T];
  }
  return result;
}
