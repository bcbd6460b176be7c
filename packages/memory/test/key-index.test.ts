import { comparePaths } from "@omni/core";
import fc from "fast-check";
import { KeyIndex } from "../src/key-index.ts";

function all(index: KeyIndex): string[] {
  return [...index.from(() => false)];
}

/** Enough keys for several blocks, in an order that is not theirs. */
function manyKeys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${(i * 7919) % count}`);
}

test("agrees with a sorted list, whatever is added and removed", () => {
  const key = fc.string({ unit: fc.constantFrom("a", "b", "/", "～", "😀"), minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.uniqueArray(key), fc.array(key, { maxLength: 60 }), key, (start, changes, place) => {
      const index = new KeyIndex(start);
      const model = new Set(start);
      for (const change of changes) {
        if (model.delete(change)) index.delete(change);
        else {
          model.add(change);
          index.add(change);
        }
      }
      const sorted = [...model].sort(comparePaths);
      expect(all(index)).toEqual(sorted);
      expect([...index.from((other) => comparePaths(other, place) <= 0)]).toEqual(
        sorted.filter((other) => comparePaths(other, place) > 0),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("splits and empties blocks", () => {
  const keys = manyKeys(5_000);
  const index = new KeyIndex([]);
  for (const key of keys) index.add(key);
  expect(all(index)).toEqual([...keys].sort(comparePaths));
  for (const key of keys.slice(0, 4_990)) index.delete(key);
  expect(all(index)).toEqual(keys.slice(4_990).sort(comparePaths));
  for (const key of keys.slice(4_990)) index.delete(key);
  expect(all(index)).toEqual([]);
  index.add("again");
  expect(all(index)).toEqual(["again"]);
});

test("removing what is not there changes nothing", () => {
  const index = new KeyIndex(["b", "d"]);
  for (const key of ["a", "c", "e"]) index.delete(key);
  expect(all(index)).toEqual(["b", "d"]);
  new KeyIndex([]).delete("a");
});
