import { type Backend, extend, layer, OmniError, withConcurrency, withPrefix, withReadOnly, withRetry, wrap } from "@omni/core";
import { type Fault, faulty, recording, storageKit } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { ManualClock } from "./manual-clock.ts";

const kit = { describe, test, expect };
storageKit("withPrefix over memory", () => withPrefix(memory(), "tenants/1/"), kit);
storageKit("withRetry over memory", () => withRetry(memory()), kit);
storageKit("withConcurrency over memory", () => withConcurrency(memory(), 4), kit);

async function failure(work: Promise<unknown>): Promise<OmniError> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error) => error as OmniError,
  );
}

/** A store that fails as planned under retries without waiting. */
function retried(faults: readonly Fault[], attempts = 3) {
  const inner = faulty(memory(), faults);
  const seen: number[] = [];
  return {
    inner,
    seen,
    store: withRetry(inner, { attempts, baseMs: 0, random: () => 0, onRetry: (_, attempt) => seen.push(attempt) }),
  };
}

describe("wrap and extend", () => {
  test("lose no ability and invent none", () => {
    const { copy: _copy, ...without } = memory().driver;
    const wrapped = wrap(without as typeof without & { copy?: never }, {
      copy: async () => ({ path: "", size: 0 }),
      stat: async (path) => ({ path, size: 7 }),
    });
    expect("copy" in wrapped).toBe(false);
    expect(Object.keys(wrapped).sort()).toEqual(Object.keys(without).sort());
  });

  test("what extend added survives layers, getters too", async () => {
    let count = 0;
    const store = extend(memory(), {
      hello: () => "hello",
      get count() {
        return count;
      },
    });
    const layered = withRetry(withPrefix(store, "a/"));
    count = 5;
    expect([layered.hello(), layered.count]).toEqual(["hello", 5]);
    expect(store.count).toBe(5);
  });

  test("a layer replaces what it names and keeps the rest", async () => {
    const store = layer(memory(), (driver) => ({
      stat: async (path, options) => ({ ...(await driver.stat(path, options)), size: -1 }),
    }));
    await store.write("a", "x");
    expect((await store.stat("a")).size).toBe(-1);
    expect(await (await store.read("a")).text()).toBe("x");
  });
});

describe("withRetry", () => {
  test("tries again after an error that may pass", async () => {
    const { store, seen } = retried([{ on: ["write", "stat", "read", "list", "delete"], do: "fail", once: true }]);
    await store.write("a", "x");
    expect(seen).toEqual([1]);
    expect(await (await store.read("a")).text()).toBe("x");
  });

  test("gives up after the last attempt, with the last error", async () => {
    const { store, inner } = retried([{ on: "stat", do: "fail" }]);
    expect((await failure(store.stat("a"))).code).toBe("UNAVAILABLE");
    expect(inner.faults.log).toHaveLength(3);
  });

  test("never repeats what cannot be cured", async () => {
    const { store, seen } = retried([{ on: "stat", do: "fail", error: () => new OmniError("PERMISSION_DENIED") }]);
    expect((await failure(store.stat("a"))).code).toBe("PERMISSION_DENIED");
    expect((await failure(retried([]).store.stat("missing"))).code).toBe("NOT_FOUND");
    expect(seen).toEqual([]);
  });

  test("never repeats a stream, nor a condition whose outcome is unknown", async () => {
    const stream = retried([{ on: "write", do: "fail", once: true }]);
    expect((await failure(stream.store.write("a", [Buffer.from("x")]))).code).toBe("UNAVAILABLE");
    const conditional = retried([{ on: "write", do: "fail-after-commit", once: true }]);
    // A second attempt would meet its own first one and call it somebody else's.
    expect(await failure(conditional.store.write("a", "x", { ifNoneMatch: "*" }))).toMatchObject({
      code: "TIMEOUT",
      outcome: "unknown",
    });
    const move = retried([{ on: "move", do: "fail-after-commit", once: true }]);
    await move.store.write("a", "x");
    expect((await failure(move.store.move("a", "b"))).code).toBe("TIMEOUT");
  });

  test("a commit is repeated: it is idempotent", async () => {
    const { store } = retried([{ on: "commit", do: "fail-after-commit", once: true }]);
    const staged = await store.stage("a", "x");
    expect((await staged.commit()).size).toBe(1);
  });

  test("a listing that breaks off goes on after the last path", async () => {
    const { store } = retried([{ on: "list", do: "fail", atEntry: 2, once: true }]);
    for (const path of ["a", "b", "c", "d"]) await store.write(path, path);
    expect((await Array.fromAsync(store.list())).map(({ path }) => path)).toEqual(["a", "b", "c", "d"]);
  });

  test("waits between attempts, and an abort ends the wait", async () => {
    const clock = new ManualClock();
    const inner = faulty(memory({ clock }), [{ on: "stat", do: "fail" }], { clock });
    const store = withRetry(inner, { clock, baseMs: 100, random: () => 0.5 });
    const controller = new AbortController();
    const result = failure(store.stat("a", { signal: controller.signal }));
    await inner.faults.struck();
    await clock.advance(49);
    expect(inner.faults.log).toHaveLength(1);
    await clock.advance(1);
    expect(inner.faults.log).toHaveLength(2);
    controller.abort(new Error("enough"));
    expect((await result).message).toBe("enough");
  });
});

describe("withConcurrency", () => {
  test("lets so many run, the others in order", async () => {
    const inner = faulty(memory(), [{ on: "stat", do: "hang", times: 3 }]);
    await inner.write("a", "x");
    const store = withConcurrency(inner, 2);
    const calls = [1, 2, 3].map(() => store.stat("a"));
    await inner.faults.struck(2);
    expect(inner.faults.hanging).toBe(2);
    inner.faults.release();
    await inner.faults.struck(3);
    inner.faults.release();
    expect(await Promise.all(calls)).toHaveLength(3);
  });

  test("one that is aborted leaves the line", async () => {
    const inner = faulty(memory(), [{ on: "stat", do: "hang", once: true }]);
    await inner.write("a", "x");
    const store = withConcurrency(inner, 1);
    const first = store.stat("a");
    await inner.faults.struck();
    const controller = new AbortController();
    const second = failure(store.stat("a", { signal: controller.signal }));
    const third = store.stat("a");
    controller.abort(new Error("left"));
    expect((await second).message).toBe("left");
    inner.faults.release();
    expect((await Promise.all([first, third])).map(({ size }) => size)).toEqual([1, 1]);
  });

  test.each([0, -1, 1.5, Number.NaN, "2"])("a limit of %p is refused", (limit) => {
    expect(() => withConcurrency(memory(), limit as never)).toThrow(/whole number/);
  });
});

describe("withPrefix", () => {
  test("keeps to its prefix, and shows paths without it", async () => {
    const store = memory();
    const tenant = withPrefix(store, "tenants/1/");
    await tenant.write("a", "x");
    await store.write("tenants/2/b", "y");
    expect((await Array.fromAsync(store.list())).map(({ path }) => path)).toEqual(["tenants/1/a", "tenants/2/b"]);
    expect((await Array.fromAsync(tenant.list())).map(({ path }) => path)).toEqual(["a"]);
    expect((await failure(tenant.read("../2/b"))).code).toBe("INVALID_PATH");
    expect(await tenant.purge("")).toMatchObject({ deleted: 1 });
    expect(await store.exists("tenants/2/b")).toBe(true);
  });

  test.each(["..", "a/../", "/a", "\0"])("the prefix %p is refused", (prefix) => {
    expect(() => withPrefix(memory(), prefix)).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
  });
});

describe("withReadOnly", () => {
  const changes: readonly (readonly [string, (store: Backend) => Promise<unknown>])[] = [
    ["write", (store) => store.write("a", "y")],
    ["a writer", async (store) => (await store.createWriter("a")).close()],
    ["delete", (store) => store.delete("a")],
    ["copy", (store) => store.copy("a", "b")],
    ["move", (store) => store.move("a", "b")],
    ["stage", (store) => store.stage("a", "y")],
    ["setMetadata", (store) => store.setMetadata("a", { metadata: {} })],
  ];
  test.each(changes)("refuses %s before any I/O", async (_, change) => {
    const inner = recording(memory());
    await inner.write("a", "x");
    inner.requests.clear();
    expect(await failure(change(withReadOnly(inner)))).toMatchObject({ code: "PERMISSION_DENIED", outcome: "not-applied" });
    expect(inner.requests.count()).toBe(0);
  });

  test("reports every path that deleteMany could not delete", async () => {
    const inner = memory();
    await inner.write("a", "x");
    const report = await withReadOnly(inner).deleteMany(["a", "b"]);
    expect(report).toMatchObject({ deleted: 0, errors: [{ path: "a" }, { path: "b" }] });
    expect(await withReadOnly(inner).exists("a")).toBe(true);
  });
});
