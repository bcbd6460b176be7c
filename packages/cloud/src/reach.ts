import type { Slot } from "./slot.ts";

/**
 * Where what is put into each cloud may come to rest: the cloud's own places and, since a group may bring what one member has to the others (repair,
 * copy-on-read, backfill), those of every cloud that it shares a group with. No places: nobody can say.
 */
export function reachOf(slots: ReadonlyMap<string, Slot>): ReadonlyMap<string, readonly string[]> {
  const reach = new Map([...slots].map(([name, slot]) => [name, slot.residency]));
  for (let grew = true; grew; ) {
    grew = false;
    for (const [name, { definition }] of slots) {
      if (!definition.members) continue;
      const together = [name, ...definition.members];
      const places = together.map((member) => reach.get(member) ?? []);
      const all = places.some((each) => each.length === 0) ? [] : [...new Set(places.flat())].sort();
      for (const [index, member] of together.entries())
        if (places[index]?.length !== all.length) {
          reach.set(member, all);
          grew = true;
        }
    }
  }
  return reach;
}
