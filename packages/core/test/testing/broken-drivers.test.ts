import { createBackend, extend } from "@omni/core";
import { memory } from "@omni/memory";
import { BROKEN_DRIVERS, brokenDriver } from "./broken-drivers.ts";
import { collectKit, failuresOf, QUICK } from "./collected-kit.ts";

function groupOf(name: string): string {
  return name.slice(0, name.indexOf(": "));
}

describe("the storage kit on drivers that break one promise", () => {
  test.each(BROKEN_DRIVERS.map((broken) => [broken.promise, broken] as const))("%s", async (_, broken) => {
    const groups = new Set(broken.caughtBy.map(groupOf));
    const all = collectKit(() => createBackend(brokenDriver(broken)), { ...QUICK, features: memory().features });
    const cases = all.filter(({ name }) => groups.has(groupOf(name)));
    const failures = await failuresOf(cases);
    expect([...failures.keys()]).toEqual(expect.arrayContaining([...broken.caughtBy]));
    // One broken promise does not break everything: the kit says which it is.
    expect(failures.size).toBeLessThan(cases.length);
  });

  test("a backend that does not close", async () => {
    const open = { close: async () => {}, [Symbol.asyncDispose]: async () => {} };
    const cases = collectKit(() => extend(memory(), open), { ...QUICK, features: memory().features });
    const failures = await failuresOf(cases.filter(({ name }) => name.startsWith("closing: a ")));
    expect([...failures.keys()]).toEqual([
      "closing: a second close does nothing",
      "closing: a backend that was never used can be closed",
      "closing: a writer that is open when its backend closes does not report success",
    ]);
  });
});
