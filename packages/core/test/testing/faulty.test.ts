import { type Backend, type Clock, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";

async function textOf(backend: Backend, path: string): Promise<string> {
  return (await backend.read(path, { resumeAttempts: 0 })).text();
}

async function pathsOf(backend: Backend): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of backend.list()) paths.push(path);
  return paths;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: unknown) => (OmniError.is(error) ? error.code : String(error)),
  );
}

async function* chunks(...texts: string[]): AsyncGenerator<string, void> {
  yield* texts;
}

/** A store, and the same store through faults. */
function pair(...faults: Fault[]) {
  const store = memory();
  return { store, bad: faulty(store, faults) };
}

describe("when a fault strikes", () => {
  test("only at its operation, its call and so often", async () => {
    const { bad } = pair({ on: "write", nth: 2, times: 2, do: "fail" });
    const codes: string[] = [];
    for (let i = 0; i < 5; i++) codes.push(await codeOf(bad.write("a", "x")));
    expect(codes).toEqual(["no error", "UNAVAILABLE", "UNAVAILABLE", "no error", "no error"]);
    expect(await codeOf(bad.stat("a"))).toBe("no error");
  });

  test("only where `when` says so", async () => {
    const { bad } = pair({
      on: ["write", "delete"],
      when: ({ path }) => path === "b",
      do: "fail",
      error: new OmniError("PERMISSION_DENIED"),
    });
    expect(await codeOf(bad.write("a", "x"))).toBe("no error");
    expect(await codeOf(bad.write("b", "x"))).toBe("PERMISSION_DENIED");
    expect(await codeOf(bad.delete("b"))).toBe("PERMISSION_DENIED");
    expect(bad.faults.log.map(({ operation, path, event }) => [operation, path, event])).toEqual([
      ["write", "b", "struck"],
      ["delete", "b", "struck"],
    ]);
  });

  test("faults can be added and taken away", async () => {
    const { bad } = pair();
    bad.faults.add({ on: "stat", do: "fail", once: true });
    expect(await codeOf(bad.exists("a"))).toBe("UNAVAILABLE");
    bad.faults.add({ on: "stat", do: "fail" });
    bad.faults.clear();
    expect(await bad.exists("a")).toBe(false);
  });

  test.each([
    [{ on: "stat", do: "truncate" }, /stat has none/],
    [{ on: "list", do: "apply-late" }, /list changes nothing/],
    [{ on: "delete", do: "fail", atByte: 3 }, /delete has none/],
    [{ on: "read", do: "hang", atEntry: 3 }, /not of read/],
  ] as const)("a fault that cannot be is refused: %j", (fault, words) => {
    expect(() => faulty(memory(), [fault as Fault])).toThrow(words);
  });
});

describe("fail", () => {
  test("before the driver is asked", async () => {
    const { store, bad } = pair({ on: "write", do: "fail" });
    await expect(bad.write("a", "x")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      outcome: "not-applied",
      retryable: true,
      operation: "write",
      path: "a",
    });
    expect(await pathsOf(store)).toEqual([]);
  });

  test("within the body of a write: nothing is published", async () => {
    const { store, bad } = pair({ on: "write", do: "fail", atByte: 4 });
    await store.write("a", "before");
    expect(await codeOf(bad.write("a", chunks("one", "two", "three")))).toBe("UNAVAILABLE");
    expect(await textOf(store, "a")).toBe("before");
  });

  test("at the end of a body", async () => {
    const { store, bad } = pair({ on: "stage", do: "fail", atByte: 6 });
    expect(await codeOf(bad.stage("a", chunks("one", "two")))).toBe("UNAVAILABLE");
    expect(await pathsOf(store)).toEqual([]);
  });

  test("within the body of a read, which core resumes where it can", async () => {
    const { store, bad } = pair({ on: "read", do: "fail", atByte: 4, once: true });
    await store.write("a", "one two three");
    const reader = await bad.read("a");
    expect(await reader.text()).toBe("one two three");
    bad.faults.add({ on: "read", do: "fail", atByte: 4 });
    expect(await codeOf(textOf(bad, "a"))).toBe("UNAVAILABLE");
  });

  test("within a listing", async () => {
    const { store, bad } = pair({ on: "list", do: "fail", atEntry: 2 });
    for (const path of ["a", "b", "c"]) await store.write(path, path);
    const seen: string[] = [];
    const work = async (): Promise<void> => {
      for await (const { path } of bad.list()) seen.push(path);
    };
    expect(await codeOf(work())).toBe("UNAVAILABLE");
    expect(seen).toEqual(["a", "b"]);
  });
});

describe("hang and delay", () => {
  test("a call hangs until it is released", async () => {
    const { store, bad } = pair({ on: "write", do: "hang" });
    const write = bad.write("a", "x");
    await bad.faults.struck();
    expect(bad.faults.hanging).toBe(1);
    expect(await store.exists("a")).toBe(false);
    bad.faults.release();
    await write;
    expect(await store.exists("a")).toBe(true);
    expect(bad.faults.hanging).toBe(0);
    expect(bad.faults.log.map(({ event }) => event)).toEqual(["struck", "released"]);
  });

  test("a hanging call can be given up", async () => {
    const { store, bad } = pair({ on: "delete", do: "hang" });
    await store.write("a", "x");
    const controller = new AbortController();
    const gone = bad.delete("a", { signal: controller.signal });
    await bad.faults.struck();
    controller.abort(new Error("enough"));
    await expect(gone).rejects.toThrow("enough");
    bad.faults.release();
    expect(await store.exists("a")).toBe(true);
  });

  test("a body hangs in its middle", async () => {
    const { store, bad } = pair({ on: "read", do: "hang", atByte: 3 });
    await store.write("a", "onetwo");
    const reader = await bad.read("a");
    const bytes = reader[Symbol.asyncIterator]();
    expect(Buffer.from((await bytes.next()).value ?? []).toString()).toBe("one");
    const rest = bytes.next();
    await bad.faults.struck();
    bad.faults.release();
    expect(Buffer.from((await rest).value ?? []).toString()).toBe("two");
  });

  test("a delay is of the plan's clock", async () => {
    const store = memory();
    const timers: (() => void)[] = [];
    const clock: Clock = { now: () => 0, setTimeout: (callback) => timers.push(callback), clearTimeout: () => {} };
    const bad = faulty(store, [{ on: "write", do: "delay", delayMs: 1_000_000 }], { clock });
    const write = bad.write("a", "x");
    await bad.faults.struck();
    expect(await store.exists("a")).toBe(false);
    for (const fire of timers) fire();
    await write;
    expect(await store.exists("a")).toBe(true);
  });
});

describe("truncate, duplicate and reorder", () => {
  test.each([
    ["truncate", "one"],
    ["duplicate", "onetwotwothree"],
    ["reorder", "onethreetwo"],
  ] as const)("%s a body on its way to the store, which does not notice", async (action, stored) => {
    const { store, bad } = pair({ on: "write", do: action, atByte: 3 });
    await bad.write("a", chunks("one", "two", "three"), { sizeBytes: 11 });
    expect(await textOf(store, "a")).toBe(stored);
  });

  test("a read that ends early is noticed by core", async () => {
    const { store, bad } = pair({ on: "read", do: "truncate", atByte: 2 });
    await store.write("a", "whole");
    expect(await codeOf(textOf(bad, "a"))).toBe("UNAVAILABLE");
  });

  test.each([
    ["truncate", ["a"]],
    ["duplicate", ["a", "b", "b", "c"]],
    ["reorder", ["a", "c", "b"]],
  ] as const)("%s a listing", async (action, listed) => {
    const { store, bad } = pair({ on: "list", do: action, atEntry: 1 });
    for (const path of ["a", "b", "c"]) await store.write(path, path);
    expect(await pathsOf(bad)).toEqual(listed);
  });
});

describe("effects that the caller does not see", () => {
  test.each(["write", "copy", "delete"] as const)("fail-after-commit of %s", async (operation) => {
    const { store, bad } = pair({ on: operation, do: "fail-after-commit" });
    await store.write("from", "x");
    const work = { write: () => bad.write("to", "x"), copy: () => bad.copy("from", "to"), delete: () => bad.delete("from") }[
      operation
    ];
    await expect(work()).rejects.toMatchObject({ code: "TIMEOUT", outcome: "unknown", operation });
    expect(await pathsOf(store)).toEqual(operation === "delete" ? [] : ["from", "to"]);
  });

  test("fail-after-commit of a commit: the next one says that it was done", async () => {
    const { store, bad } = pair({ on: "commit", do: "fail-after-commit", once: true });
    const staged = await bad.stage("a", "x");
    expect(await codeOf(staged.commit())).toBe("TIMEOUT");
    expect((await staged.commit()).etag).toBe((await store.stat("a")).etag);
  });

  test("apply-late: a write lands after its caller gave up, over a newer one", async () => {
    const { store, bad } = pair({ on: "write", do: "apply-late", once: true });
    await expect(bad.write("a", chunks("old", "er"))).rejects.toMatchObject({ code: "TIMEOUT", outcome: "unknown" });
    await bad.write("a", "newer");
    expect(await textOf(store, "a")).toBe("newer");
    expect(bad.faults.late).toBe(1);
    expect((await bad.faults.flush()).map(({ status }) => status)).toEqual(["fulfilled"]);
    expect(await textOf(store, "a")).toBe("older");
    expect(bad.faults.late).toBe(0);
  });

  test("apply-late under a signal that was aborted meanwhile", async () => {
    const { store, bad } = pair({ on: "write", do: "apply-late" });
    const controller = new AbortController();
    expect(await codeOf(bad.write("a", "x", { signal: controller.signal }))).toBe("TIMEOUT");
    controller.abort();
    await bad.faults.flush();
    expect(await textOf(store, "a")).toBe("x");
  });

  test("apply-late: a condition is evaluated when the request arrives", async () => {
    const { store, bad } = pair({ on: "write", do: "apply-late", once: true });
    expect(await codeOf(bad.write("a", "late", { ifNoneMatch: "*" }))).toBe("TIMEOUT");
    await store.write("a", "was faster");
    const [result] = await bad.faults.flush();
    expect(result).toMatchObject({ status: "rejected", reason: { code: "ALREADY_EXISTS" } });
    expect(bad.faults.log.at(-1)).toMatchObject({ event: "applied", error: { code: "ALREADY_EXISTS" } });
  });

  test("late effects come one by one, in their order", async () => {
    const { store, bad } = pair({ on: "write", do: "apply-late" });
    for (const text of ["1", "2", "3"]) await codeOf(bad.write("a", text));
    await bad.faults.flush(2);
    expect(await textOf(store, "a")).toBe("2");
    await bad.faults.flush();
    expect(await textOf(store, "a")).toBe("3");
  });

  test("apply-twice: the second time changes the version", async () => {
    const { store, bad } = pair({ on: "write", do: "apply-twice" });
    const info = await bad.write("a", chunks("on", "ce"));
    expect(await textOf(store, "a")).toBe("once");
    expect((await store.stat("a")).etag).not.toBe(info.etag);
  });

  test("apply-twice, again late: a delete takes what came after it", async () => {
    const { store, bad } = pair({ on: "delete", do: "apply-twice", again: "late" });
    await store.write("a", "first");
    await bad.delete("a");
    await store.write("a", "second");
    await bad.faults.flush();
    expect(await store.exists("a")).toBe(false);
  });

  test("apply-twice of a create: the caller gets the first answer", async () => {
    const { bad } = pair({ on: "write", do: "apply-twice" });
    expect(await codeOf(bad.write("a", "x", { ifNoneMatch: "*" }))).toBe("no error");
    expect(bad.faults.log.at(-1)).toMatchObject({ event: "applied", error: { code: "ALREADY_EXISTS" } });
  });
});

test("no ability is lost", () => {
  const { store, bad } = pair({ on: "write", do: "fail" });
  expect(bad.features).toEqual(store.features);
  expect(bad.driver.identity).toBe(store.driver.identity);
});
