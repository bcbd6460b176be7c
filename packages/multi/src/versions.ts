import type { ObjectInfo, WriteStamp } from "@omni/core";

/**
 * Which of two writes is the later one: by counter, then by write id, so that all agree. An object without a stamp is older than any with one.
 *
 * @returns below 0 when `a` is the older, 0 for one and the same write
 */
export function compareVersions(a: WriteStamp | undefined, b: WriteStamp | undefined): number {
  if (!a || !b) return (a ? 1 : 0) - (b ? 1 : 0);
  const byCounter = (a.counter ?? 0) - (b.counter ?? 0);
  if (byCounter !== 0) return byCounter;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}

/** The highest version among what members show; of equal ones the first. */
export function highest<T extends { readonly info: ObjectInfo }>(sights: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const sight of sights) if (!best || compareVersions(sight.info.stamp, best.info.stamp) > 0) best = sight;
  return best;
}
