import { memory } from "@omni/memory";
import { sync } from "@omni/sync";
import { harvest } from "./trees.ts";

// More than a merge reads ahead: the journal is still being read while copies are recorded in it.
const OBJECTS = 3_000;

test("a run does not read what it records itself: the journal of an earlier run stays in order", async () => {
  const [from, to] = [memory(), memory()];
  for (let i = 0; i < OBJECTS; i++) await from.write(`o-${i}`, `content ${i}`);
  const first = await sync({ from, to, journal: true });
  expect(first.counts).toMatchObject({ copied: OBJECTS, failed: 0 });
  await to.write("zz-gone", "1");

  const again = await sync({ from, to, journal: true, ignoreTimes: true });
  expect(again.failures).toEqual([]);
  expect(again.counts).toMatchObject({ updated: OBJECTS, deleted: 1 });
  expect(again.complete).toBe(true);
  expect(await harvest(to)).toEqual(await harvest(from));

  const third = await sync({ from, to, journal: true });
  expect(third.counts).toMatchObject({ same: OBJECTS, copied: 0, updated: 0 });
});
