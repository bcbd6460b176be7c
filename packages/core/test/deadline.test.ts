import { createBackend, OmniError, type StorageDriver, withTimeout } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { ManualClock } from "./manual-clock.ts";

const never = new Promise<never>(() => {});

/** A store that never answers to some calls, whatever the signal says. */
function deaf(clock: ManualClock, overrides: Partial<StorageDriver>) {
  return createBackend({ ...memory().driver, ...overrides }, { clock });
}

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error: unknown) => error,
  );
}

describe("time limits", () => {
  test("a read that never answers is TIMEOUT, at once", async () => {
    const clock = new ManualClock();
    const store = deaf(clock, { stat: () => never });
    const error = rejection(store.stat("a", { timeoutMs: 50 }));
    await clock.advance(50);
    expect(await error).toMatchObject({ code: "TIMEOUT", retryable: true, backend: "memory", operation: "stat", path: "a" });
    expect((await error) as OmniError).toHaveProperty("outcome", undefined);
    expect(clock.pending).toBe(0);
  });

  test("a change that never answers is TIMEOUT with outcome unknown, after a moment to settle", async () => {
    const clock = new ManualClock();
    const store = deaf(clock, { write: () => never });
    const error = rejection(store.write("a", "x", { timeoutMs: 50 }));
    await clock.advance(50);
    await clock.advance(1_000);
    expect(await error).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
    expect(clock.pending).toBe(0);
  });

  test("a change that still succeeds after its limit tells the truth", async () => {
    const clock = new ManualClock();
    let finish: (() => void) | undefined;
    const store = deaf(clock, { write: (path) => new Promise((resolve) => (finish = () => resolve({ path, size: 1 }))) });
    const written = store.write("a", "x", { timeoutMs: 50 });
    await clock.advance(50);
    finish?.();
    expect(await written).toMatchObject({ path: "a", size: 1 });
  });

  test("a change that its driver gave up without a word on what became of it is in doubt; what the driver says counts", async () => {
    const late = (outcome?: "not-applied") => () => Promise.reject(new OmniError("TIMEOUT", { reason: "too slow", outcome }));
    const { deleteMany: _, ...driver } = memory().driver;
    const store = createBackend({ ...driver, write: late(), delete: late(), stat: late(), classifyError: () => "TIMEOUT" });
    expect(await rejection(store.write("a", "x"))).toMatchObject({ code: "TIMEOUT", outcome: "unknown", reason: "too slow" });
    expect(await rejection(store.delete("a"))).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
    expect(await rejection(store.stat("a"))).toMatchObject({ code: "TIMEOUT", outcome: undefined });
    const { deleted, errors } = await store.deleteMany(["a", "b"]);
    expect(deleted).toBe(0);
    expect(errors.map(({ path, error }) => [path, error.code, error.outcome])).toEqual([
      ["a", "TIMEOUT", "unknown"],
      ["b", "TIMEOUT", "unknown"],
    ]);
    const many = createBackend({ ...driver, deleteMany: () => Promise.reject(new Error("slow")), classifyError: () => "TIMEOUT" });
    expect((await many.deleteMany(["a"])).errors[0]?.error).toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
    const certain = createBackend({ ...driver, write: late("not-applied"), delete: late("not-applied") });
    expect(await rejection(certain.write("a", "x"))).toMatchObject({ code: "TIMEOUT", outcome: "not-applied" });
    expect((await certain.deleteMany(["a"])).errors[0]?.error.outcome).toBe("not-applied");
  });

  test("withTimeout limits calls that give no limit of their own", async () => {
    const clock = new ManualClock();
    const store = withTimeout(deaf(clock, { stat: () => never }), { callMs: 30 });
    const error = rejection(store.stat("a"));
    await clock.advance(30);
    expect(await error).toMatchObject({ code: "TIMEOUT" });
  });
});

describe("cancellation", () => {
  test("rejects with the reason itself, before anything is asked", async () => {
    const reason = { why: "changed my mind" };
    expect(await rejection(memory().stat("a", { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await rejection(memory().write("a", "x", { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await rejection(memory().read("a", { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  test("a hanging read rejects with the reason itself", async () => {
    const store = faulty(memory(), [{ on: "stat", do: "hang" }]);
    const controller = new AbortController();
    const error = rejection(store.stat("a", { signal: controller.signal }));
    await store.faults.struck();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await error).toBe(reason);
  });

  test("a source that hangs does not hold the write", async () => {
    const store = memory();
    await store.write("a", "old");
    const controller = new AbortController();
    const source = { [Symbol.asyncIterator]: () => ({ next: () => never }) };
    const error = rejection(store.write("a", source, { signal: controller.signal }));
    const reason = new Error("enough");
    setImmediate(() => controller.abort(reason));
    expect(await error).toBe(reason);
    expect(await (await store.read("a")).text()).toBe("old");
  });

  test("leaves no listener behind", async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const store = memory();
    await store.write("a", "x", { signal, timeoutMs: 1_000 });
    await store.write("b", [Buffer.from("y")], { signal });
    await (await store.read("a", { signal })).text();
    await (await store.read("a", { signal })).close();
    await store.stat("a", { signal });
    for await (const _ of store.list("", { signal }));
    await store.delete("a", { signal });
    expect(listeners).toBe(0);
  });
});

describe("bodies", () => {
  test("a stalled body is TIMEOUT where it cannot be resumed", async () => {
    const clock = new ManualClock();
    const { driver } = memory();
    const store = createBackend(
      {
        ...driver,
        read: async (path) => ({ info: { path, size: 10 }, body: { [Symbol.asyncIterator]: () => ({ next: () => never }) } }),
      },
      { clock },
    );
    const reader = await store.read("a", { idleTimeoutMs: 20 });
    const error = rejection(reader.bytes());
    await clock.advance(20);
    expect(await error).toMatchObject({ code: "TIMEOUT", reason: "no byte for 20 ms" });
  });

  test("a body that stalls goes on by a new request where it stopped", async () => {
    const clock = new ManualClock();
    const inner = memory({ clock });
    const bytes = new Uint8Array(1_000).map((_, at) => at);
    await inner.write("a", bytes);
    const store = faulty(inner, [{ on: "read", do: "hang", atByte: 400, once: true }], { clock });
    const reading = (await store.read("a", { idleTimeoutMs: 20 })).bytes();
    await store.faults.struck();
    await clock.advance(20);
    expect(Buffer.compare(await reading, bytes)).toBe(0);
  });

  test("a body that ends early goes on, and is an error when it does so again and again", async () => {
    const inner = memory();
    await inner.write("a", new Uint8Array(1_000));
    const once = faulty(inner, [{ on: "read", do: "truncate", atByte: 300, once: true }]);
    expect((await (await once.read("a")).bytes()).byteLength).toBe(1_000);
    const always = faulty(inner, [{ on: "read", do: "truncate", atByte: 10 }]);
    expect(await rejection((await always.read("a")).bytes())).toMatchObject({
      code: "UNAVAILABLE",
      reason: "the body ended after 40 of 1000 bytes",
    });
  });

  test("a body is never continued over another version", async () => {
    const inner = memory();
    await inner.write("a", new Uint8Array(1_000));
    const store = faulty(inner, [{ on: "read", do: "fail", atByte: 300, once: true }]);
    const reader = await store.read("a");
    await inner.write("a", new Uint8Array(1_000).fill(1));
    expect(await rejection(reader.bytes())).toMatchObject({ code: "PRECONDITION_FAILED" });
  });

  test("closing a reader whose pull hangs returns at once, and the pull ends", async () => {
    const inner = memory();
    await inner.write("a", "x");
    const store = faulty(inner, [{ on: "read", do: "hang", atByte: 0 }]);
    const reader = await store.read("a");
    const pull = reader[Symbol.asyncIterator]().next();
    await store.faults.struck();
    await reader.close();
    expect(await pull).toEqual({ done: true, value: undefined });
    store.faults.release();
  });

  test("a reader can be read once, and says so", async () => {
    const store = memory();
    await store.write("a", "x");
    const reader = await store.read("a");
    await reader.text();
    expect(await rejection(reader.text())).toMatchObject({ code: "READER_CLOSED" });
    expect(OmniError.is(await rejection(reader.bytes()), "READER_CLOSED")).toBe(true);
  });
});
