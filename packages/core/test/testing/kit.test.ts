import { createBackend, type StorageDriver, wrap } from "@omni/core";
import { memory } from "@omni/memory";
import { collectKit, failuresOf, QUICK } from "./collected-kit.ts";

/** The smallest driver there can be: nothing optional, nothing declared. */
function smallestDriver(): StorageDriver {
  const { driver } = memory();
  return {
    scheme: "smallest",
    features: {},
    read: (path, options) => driver.read(path, options),
    write: (path, body, options) => driver.write(path, body, options),
    stat: async (path, options) => {
      const { size, modifiedAt } = await driver.stat(path, options);
      return { path, size, modifiedAt };
    },
    async *list() {
      // Backwards: nothing is declared of the order.
      const all = [];
      for await (const info of driver.list("", {})) all.unshift(info);
      yield* all;
    },
    delete: (path, options) => driver.delete(path, options),
  };
}

function casesOf(features: ReturnType<typeof memory>["features"] | undefined): string[] {
  return collectKit(() => createBackend(smallestDriver()), { ...QUICK, features }).map(({ name }) => name);
}

describe("what a backend does not declare", () => {
  test("chooses the cases where the features are known beforehand", () => {
    const all = casesOf(undefined);
    const known = casesOf(createBackend(smallestDriver()).features);
    expect(known.length).toBeLessThan(all.length);
    expect(known).not.toContain("metadata: metadata is kept");
    expect(known).toContain("honesty: metadata: kept where declared, refused before any request where not");
    expect(known.filter((name) => name.startsWith("live streams"))).toEqual([]);
  });

  test("is proved to be refused where they are not", async () => {
    const kept = collectKit(() => createBackend(smallestDriver()), QUICK);
    const undeclared = kept.filter(({ name }) => /^(metadata|conditions|honesty|staging|copying|ranges|listing)/.test(name));
    expect(await failuresOf(undeclared)).toEqual(new Map());
  });

  test("is noticed where it is there all the same, or a request was made", async () => {
    const lies = () => {
      const { driver } = memory();
      return createBackend(wrap(driver, { features: { ...driver.features, hashes: [] } }));
    };
    const failures = await failuresOf(collectKit(lies, QUICK).filter(({ name }) => name.startsWith("honesty: digests")));
    expect(failures.size).toBe(1);
  });
});

describe("known gaps", () => {
  const gap = "metadata: metadata is kept";
  const withGap = () => {
    const { driver } = memory();
    return createBackend(
      wrap(driver, { write: (path, body, options) => driver.write(path, body, { ...options, metadata: undefined }) }),
    );
  };

  test("are printed with their reason and must fail", async () => {
    const cases = collectKit(withGap, { ...QUICK, known: { [gap]: "the store has no room for it" } });
    const one = cases.filter(({ name }) => name.startsWith(gap));
    expect(one.map(({ name }) => name)).toEqual([`${gap} (known gap: the store has no room for it)`]);
    expect(await failuresOf(one)).toEqual(new Map());
  });

  test("that closed are noticed", async () => {
    const one = collectKit(() => memory(), { known: { [gap]: "was so once" } }).filter(({ name }) => name.startsWith(gap));
    expect([...(await failuresOf(one)).values()]).toEqual([expect.stringContaining("is closed")]);
  });

  test("of no case are refused", () => {
    expect(() => collectKit(() => memory(), { known: { "metadata: metadata is keptt": "?" } })).toThrow(
      /there is "metadata: metadata is kept"/,
    );
  });
});

describe("known gaps that do not apply", () => {
  test("are refused where the features are known beforehand", () => {
    const { features } = createBackend(smallestDriver());
    const known = { "metadata: metadata is kept": "not declared at all" };
    expect(() => collectKit(() => createBackend(smallestDriver()), { features, known })).toThrow(
      /does not apply, since metadata is not declared/,
    );
  });
});

describe("the kit itself", () => {
  test("a case that hangs is named", async () => {
    const hangs = () => {
      const { driver } = memory();
      return createBackend(wrap(driver, { stat: () => new Promise<never>(() => {}) }));
    };
    const one = collectKit(hangs, { timeoutMs: 50 }).filter(({ name }) => name === "basics: exists says what is there");
    expect([...(await failuresOf(one)).values()]).toEqual([
      expect.stringContaining('"basics: exists says what is there" did not end within 50 ms'),
    ]);
  });

  test("backends are closed and disposed of, also after a failure", async () => {
    const disposed: string[] = [];
    let made = 0;
    const make = () => {
      made += 1;
      const { driver } = memory();
      return createBackend(wrap(driver, { stat: () => Promise.reject(new Error("broken")) }));
    };
    const dispose = async (backend: ReturnType<typeof make>): Promise<void> => {
      disposed.push(
        await backend.stat("x").then(
          () => "open",
          (error: { code: string }) => error.code,
        ),
      );
    };
    const cases = collectKit(make, { dispose: dispose as never }).filter(({ name }) => name.startsWith("basics: exists"));
    expect((await failuresOf(cases)).size).toBe(1);
    expect({ made, disposed }).toEqual({ made: 1, disposed: ["BACKEND_CLOSED"] });
  });

  test("a store whose staged bytes are durable needs reopen", async () => {
    const durable = () => {
      const { driver } = memory();
      return createBackend(wrap(driver, { features: { ...driver.features, stagedWrite: "durable" } }));
    };
    const one = collectKit(durable, QUICK).filter(({ name }) => name.includes("another backend finds the staged bytes"));
    expect([...(await failuresOf(one)).values()]).toEqual([expect.stringContaining("give the kit `reopen`")]);
  });
});
