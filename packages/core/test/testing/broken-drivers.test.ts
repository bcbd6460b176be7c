import { createBackend, extend, type ObjectInfo } from "@omni/core";
import { memory } from "@omni/memory";
import { BROKEN_DRIVERS, brokenDriver } from "./broken-drivers/index.ts";
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

  test("a writer that takes everything at once", async () => {
    const hoarding = () => {
      const store = memory();
      const createWriter = (path: string) => {
        const chunks: Uint8Array[] = [];
        const close = (): Promise<ObjectInfo> => store.write(path, Buffer.concat(chunks));
        const write = async (chunk: Uint8Array | string): Promise<void> => void chunks.push(Buffer.from(chunk));
        return { path, write, close, abort: async () => {}, [Symbol.asyncDispose]: async () => {} };
      };
      return extend(store, { createWriter });
    };
    const name = "memory: a store that stalls stalls its writer, which loses nothing";
    const cases = collectKit(hoarding, { ...QUICK, features: memory().features });
    const failures = await failuresOf(cases.filter((one) => one.name === name));
    expect(failures.get(name)).toContain("allowed 3");
  });
});
