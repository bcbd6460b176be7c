import { copyBetween, createBackend, moveBetween, type OmniError, withPrefix } from "@omni/core";
import { faulty, recording } from "@omni/core/testing";
import { memory } from "@omni/memory";

const WRITE = {
  contentType: "text/x-poem",
  cacheControl: "max-age=60",
  contentEncoding: "identity",
  contentDisposition: "inline",
  metadata: { by: "ada", größe: "7 €" },
  modifiedAt: new Date("2020-02-02T02:02:02Z"),
};

async function failure(work: Promise<unknown>): Promise<OmniError> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error) => error as OmniError,
  );
}

describe("copyBetween", () => {
  test("carries headers, metadata and modification time", async () => {
    const [from, to] = [memory(), memory()];
    await from.write("a", "poem", WRITE);
    const info = await copyBetween(from, "a", to, { toPath: "b" });
    expect(info).toMatchObject({ path: "b", size: 4, ...WRITE });
    expect(await (await to.read("b")).text()).toBe("poem");
  });

  test("writes the copy under a write id", async () => {
    const [from, to] = [memory(), memory()];
    await from.write("a", "poem");
    await copyBetween(from, "a", to, { stamp: { id: "w1" } });
    expect((await to.stat("a")).stamp).toEqual({ id: "w1" });
  });

  test("leaves out what the destination does not keep", async () => {
    const from = memory();
    await from.write("a", "poem", WRITE);
    const { driver } = memory();
    const plain = createBackend({ ...driver, features: { listPrefix: true } });
    expect((await copyBetween(from, "a", plain)).size).toBe(4);
  });

  test("a source that breaks off publishes nothing", async () => {
    const inner = memory();
    await inner.write("a", new Uint8Array(1_000));
    const to = memory();
    await to.write("a", "old");
    for (const fault of ["fail", "truncate"] as const) {
      const from = faulty(inner, [{ on: "read", do: fault, atByte: 100 }]);
      expect((await failure(copyBetween(from, "a", to))).code).toBe("UNAVAILABLE");
      expect(await (await to.read("a")).text()).toBe("old");
    }
  });

  test("bytes that changed on the way publish nothing", async () => {
    const inner = memory();
    await inner.write("a", "0123456789");
    const from = faulty(inner, [{ on: "read", do: "reorder", atByte: 3 }]);
    const to = memory();
    const torn = createBackend({
      ...inner.driver,
      identity: "torn",
      read: async (path, options) => {
        const { info } = await inner.driver.read(path, options);
        return {
          info,
          body: (async function* () {
            yield Buffer.from("0123456798");
          })(),
        };
      },
    });
    expect((await failure(copyBetween(torn, "a", to))).code).toBe("CHECKSUM_MISMATCH");
    expect(await to.exists("a")).toBe(false);
    expect(from.faults.log).toHaveLength(0);
  });

  test("a destination that holds other bytes than were sent is found out", async () => {
    const from = memory();
    await from.write("a", "0123456789");
    const to = faulty(memory(), [{ on: "write", do: "truncate", atByte: 5 }]);
    expect((await failure(copyBetween(from, "a", to))).code).toBe("CHECKSUM_MISMATCH");
  });

  test("conditions hold at the destination", async () => {
    const [from, to] = [memory(), memory()];
    await from.write("a", "new");
    await to.write("a", "old");
    expect((await failure(copyBetween(from, "a", to, { ifNoneMatch: "*" }))).code).toBe("ALREADY_EXISTS");
    expect(await (await to.read("a")).text()).toBe("old");
  });

  test("within one store the store copies", async () => {
    const store = recording(memory());
    await store.write("a", "x");
    await copyBetween(store, "a", store, { toPath: "b" });
    expect(store.requests.counts()).toMatchObject({ copy: 1 });
    expect(store.requests.count("read")).toBe(0);
    expect(await (await store.read("b")).text()).toBe("x");
  });

  test("two prefixes of one store are two stores", async () => {
    const store = memory();
    const [one, two] = [withPrefix(store, "1/"), withPrefix(store, "2/")];
    await one.write("a", "x");
    await copyBetween(one, "a", two);
    expect(await (await store.read("2/a")).text()).toBe("x");
  });
});

describe("moveBetween", () => {
  test("deletes the source only after the copy is there", async () => {
    const [from, to] = [memory(), memory()];
    await from.write("a", "poem", WRITE);
    await moveBetween(from, "a", to);
    expect(await from.exists("a")).toBe(false);
    expect(await to.stat("a")).toMatchObject(WRITE);
  });

  test("keeps the source when the copy failed, or is not what was sent", async () => {
    for (const fault of ["fail", "truncate"] as const) {
      const from = memory();
      await from.write("a", "0123456789");
      const to = faulty(memory(), [{ on: "write", do: fault, atByte: 5 }]);
      await failure(moveBetween(from, "a", to));
      expect(await from.exists("a")).toBe(true);
    }
  });

  test("keeps a source that was replaced meanwhile", async () => {
    const from = memory();
    await from.write("a", "first");
    const to = faulty(memory(), [
      { on: "stat", do: "delay", delayMs: 0, when: () => void from.write("a", "second") === undefined },
    ]);
    expect((await failure(moveBetween(from, "a", to))).code).toBe("PRECONDITION_FAILED");
    expect(await (await from.read("a")).text()).toBe("second");
    expect(await (await to.read("a")).text()).toBe("first");
  });

  test("to itself changes nothing", async () => {
    const store = memory();
    await store.write("a", "x");
    await moveBetween(store, "a", store);
    await copyBetween(store, "a", store);
    expect(await (await store.read("a")).text()).toBe("x");
  });
});
