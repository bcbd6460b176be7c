import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Backend, createBackend, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { file } from "@omni/file";
import { memory } from "@omni/memory";
import { type MultiBackend, multi } from "@omni/multi";

const OFF: Fault = {
  on: ["read", "write", "stat", "list", "delete", "stage", "commit"],
  do: "fail",
  error: () => new OmniError("UNAVAILABLE", { reason: "switched off", outcome: "not-applied" }),
};

async function contents(store: Backend): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { path } of store.list()) found[path] = await (await store.read(path)).text();
  return found;
}

/** Numbers that look random and are the same on every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

describe("a member that was switched off", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "omni-multi-repair-"));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** A group of which the disk is off for 1,000 writes and 300 deletes of random paths. */
  async function afterTheOutage(mode: "quorum" | "best-effort", journal: Backend | undefined) {
    const disk = file({ root, fsync: false });
    const off = faulty(disk, []);
    const [near, far] = [memory(), memory()];
    const members = [
      { name: "near", backend: near },
      ...(mode === "quorum" ? [{ name: "far", backend: far }] : []),
      { name: "disk", backend: off },
    ];
    const store = multi(members, { mode, journal, breaker: { failures: 5, openMs: 1 } });
    const below = numbers(7);
    const path = (): string => `d${below(20)}/k${below(100)}`;
    for (let i = 0; i < 500; i++) await store.write(path(), `before ${i}`);
    off.faults.add(OFF);
    const before = await contents(near);
    const deleted = new Set<string>();
    for (let i = 0; i < 1_000; i++) {
      const at = path();
      deleted.delete(at);
      await store.write(at, `while it was off ${i}`);
    }
    for (const at of Object.keys(await contents(near)).slice(0, 300)) {
      deleted.add(at);
      await store.delete(at);
    }
    off.faults.clear();
    await store.close();
    // A process that begins anew knows only what the stores and the journal say.
    const again = multi(members, { mode, journal });
    return { store: again, near, disk, left: [...deleted].filter((at) => at in before), wanted: await contents(near) };
  }

  test.each(["quorum", "best-effort"] as const)(
    "in mode %s with a journal: converges, verify is clean, a second repair does nothing",
    async (mode) => {
      const { store, near, disk, left, wanted } = await afterTheOutage(mode, memory());
      expect(left.length).toBeGreaterThan(50);
      const found = await store.verify().summary();
      expect([found.clean, found.extra]).toEqual([false, left.length]);
      const report = await store.repair();
      expect(report).toMatchObject({ removed: left.length, ambiguous: 0, failed: 0, clean: true });
      expect(report.written).toBeGreaterThan(300);
      expect([await contents(near), await contents(disk)]).toEqual([wanted, wanted]);
      expect(await store.verify().summary()).toMatchObject({ clean: true, objects: Object.keys(wanted).length });
      expect(await store.repair()).toMatchObject({ written: 0, removed: 0, bytes: 0, clean: true });
    },
    120_000,
  );

  test("without a journal: gets the writes; the deletes are reported and not acted on", async () => {
    const { store, near, disk, left, wanted } = await afterTheOutage("quorum", undefined);
    expect((await store.verify().summary()).clean).toBe(false);
    const first = await store.repair();
    expect(first).toMatchObject({ failed: 0, removed: 0, ambiguous: left.length, clean: false });
    expect(first.written).toBeGreaterThan(300);
    expect(await contents(near)).toEqual(wanted);
    const after = await contents(disk);
    for (const at of left) delete after[at];
    expect(after).toEqual(wanted);

    expect(await store.repair()).toMatchObject({ written: 0, removed: 0, bytes: 0, ambiguous: left.length });
    expect(await store.repair({ prefer: "near" })).toMatchObject({ written: 0, removed: left.length, ambiguous: 0, clean: true });
    expect(await contents(disk)).toEqual(wanted);
    const summary = await store.verify().summary();
    expect(summary).toMatchObject({ clean: true, objects: Object.keys(wanted).length, missing: 0, ambiguous: 0 });
    expect(await store.repair()).toMatchObject({ written: 0, removed: 0, clean: true });
  }, 120_000);
});

describe("with a journal", () => {
  const OLD = { id: "old", counter: 1 };

  test("a write after a delete that a member missed is newer than what that member still holds", async () => {
    const stores = [memory(), memory(), memory()];
    const down = faulty(stores[2] as Backend, []);
    const journal = memory();
    const store = multi([stores[0], stores[1], down], { mode: "quorum", journal, readPolicy: "quorum" });
    for (let i = 0; i < 5; i++) await store.write("k", `old ${i}`);
    down.faults.add(OFF);
    await store.delete("k");
    down.faults.clear();
    down.faults.add({ ...OFF, on: ["write", "stage", "commit"] });
    // It is asked again, and still holds what was deleted.
    const fresh = multi([down, stores[0], stores[1]], { mode: "quorum", readPolicy: "quorum", journal });
    expect(await fresh.exists("k")).toBe(false);
    const { stamp } = await store.write("k", "new");
    expect(stamp?.counter).toBe(7);
    down.faults.clear();
    expect(await (await store.read("k")).text()).toBe("new");
    await store.repair();
    for (const each of stores) expect(await contents(each)).toEqual({ k: "new" });
  });

  test("notes go when their work is done, tombstones when there is a newer one", async () => {
    const stores = [memory(), memory()];
    const journal = memory();
    const down = faulty(stores[1] as Backend, []);
    const store = multi([stores[0], down], { mode: "best-effort", journal });
    const notes = async (): Promise<number> => {
      const open = createBackend(journal.driver, { reserved: true });
      return (await Array.fromAsync(open.list(".omni/multi/notes/"))).length;
    };
    await store.write("a", "x");
    await store.delete("a");
    await store.close();
    expect(await notes()).toBe(1);
    const next = multi([stores[0], down], { mode: "best-effort", journal });
    await next.write("a", "x");
    down.faults.add(OFF);
    await next.write("b", "x");
    await next.delete("a");
    expect(await notes()).toBe(3);
    expect(await next.repair({ scan: false })).toMatchObject({ examined: 2, failed: 2 });
    expect(await notes()).toBe(3);
    down.faults.clear();
    const anew = multi([stores[0], down], { mode: "best-effort", journal });
    expect(await anew.repair({ scan: false })).toMatchObject({ examined: 2, written: 1, removed: 1 });
    expect(await notes()).toBe(1);
    expect(await contents(stores[1] as Backend)).toEqual({ b: "x" });
  });

  test("one that cannot be reached fails a write before anything is staged", async () => {
    const journal = faulty(memory(), [OFF]);
    const stores = [memory(), memory()];
    const store = multi(stores, { mode: "best-effort", journal });
    await expect(store.write("k", "x")).rejects.toThrow("switched off");
    for (const each of stores) expect(await contents(each)).toEqual({});
  });

  test("under all the journal's head says what is right, also against foreign writes", async () => {
    const stores = [memory(), memory()];
    const store = multi(stores, { journal: memory() });
    await store.write("k", "right");
    await store.write("gone", "x");
    await store.delete("gone");
    await stores[1]?.write("k", "foreign");
    await stores[0]?.write("gone", "back from the dead", { stamp: OLD });
    expect((await store.verify().summary()).extra).toBe(1);
    expect(await store.repair()).toMatchObject({ written: 1, removed: 1, clean: true });
    for (const each of stores) expect(await contents(each)).toEqual({ k: "right" });
    expect(await store.repair()).toMatchObject({ written: 0, removed: 0, clean: true });
  });
});

describe("repair", () => {
  const group = (options = {}): { readonly store: MultiBackend; readonly stores: readonly Backend[] } => {
    const stores = [memory(), memory(), memory()];
    return { store: multi(stores, { mode: "quorum", ...options }), stores };
  };
  const put = (store: Backend | undefined, text: string, counter?: number): Promise<unknown> =>
    (store as Backend).write("k", text, counter === undefined ? {} : { stamp: { id: `write-${counter}`, counter } });

  test("the highest version wins, with its stamp, headers and metadata", async () => {
    const { store, stores } = group();
    await put(stores[0], "old", 3);
    await stores[1]?.write("k", "new", {
      stamp: { id: "a", counter: 4 },
      contentType: "text/x-note",
      metadata: { colour: "red" },
      modifiedAt: new Date(1_000_000),
    });
    await put(stores[2], "older", 2);
    const seen: unknown[] = [];
    store.events.on("repair", (event) => seen.push(event));
    expect(await store.repair()).toMatchObject({ examined: 1, written: 2, bytes: 6, clean: true });
    for (const each of stores)
      expect(await each.stat("k")).toMatchObject({
        size: 3,
        stamp: { id: "a", counter: 4 },
        contentType: "text/x-note",
        metadata: { colour: "red" },
        modifiedAt: new Date(1_000_000),
      });
    expect(seen).toContainEqual({ path: "k", member: "memory-3", action: "write", bytes: 3 });
    expect(store.stats().byMember["memory-1"]?.repairs).toBe(1);
  });

  test("what nothing orders is left alone, and changed only as preferred", async () => {
    const { store, stores } = group();
    for (const [at, text] of ["one", "two", "two"].entries()) await put(stores[at], text);
    const report = await store.repair();
    expect(report).toMatchObject({ written: 0, ambiguous: 1, clean: false });
    expect(report.ambiguousPaths).toEqual([{ path: "k", reason: "the objects differ, and nothing says which is the later one" }]);
    expect((await store.verify().summary()).ambiguous).toBe(1);
    await store.repair({ prefer: "memory-2" });
    for (const each of stores) expect(await contents(each)).toEqual({ k: "two" });
    await expect(store.repair({ prefer: "nobody" })).rejects.toThrow(
      "prefer is the name of a member: memory-1, memory-2, memory-3",
    );
  });

  test("copies without stamps that are equal are equal, also where no store states a digest", async () => {
    const plain = (): Backend => {
      const { driver } = memory();
      const bare = <T extends object>(info: T): T => ({ ...info, hashes: undefined });
      return createBackend({
        ...driver,
        stat: async (path, options) => bare(await driver.stat(path, options)),
        read: async (path, options) => {
          const opened = await driver.read(path, options);
          return { ...opened, info: bare(opened.info) };
        },
      });
    };
    const stores = [plain(), plain()];
    const store = multi(stores);
    for (const each of stores) await put(each, "same");
    expect(await store.verify().summary()).toMatchObject({ clean: true, proofs: { read: 1 } });
    expect(await store.verify({ content: "size" }).summary()).toMatchObject({ clean: true, proofs: { size: 1 } });
    expect(await store.repair()).toMatchObject({ written: 0, ambiguous: 0 });
    await put(stores[1], "SAME");
    expect(await store.verify().summary()).toMatchObject({ clean: false, differs: 1, proofs: { read: 1 } });
    expect(await store.verify({ content: "size" }).summary()).toMatchObject({ clean: true });
  });

  test("a write that comes in between is not undone", async () => {
    const stores = [memory(), memory()];
    const gate = faulty(stores[1] as Backend, [{ on: "write", do: "hang", once: true }]);
    const store = multi([stores[0], gate], { mode: "best-effort" });
    await put(stores[0], "new", 2);
    await put(stores[1], "old", 1);
    const repairing = store.repair();
    await gate.faults.struck();
    await put(stores[1], "newest", 3);
    gate.faults.release();
    await repairing;
    for (const each of stores) expect(await contents(each)).toEqual({ k: "newest" });
  });

  test("a member that does not answer is named, and repaired later", async () => {
    const stores = [memory(), memory(), memory()];
    const down = faulty(stores[2] as Backend, [{ on: "stat", do: "fail" }]);
    const store = multi([stores[0], stores[1], down], { mode: "quorum" });
    for (const at of [0, 1]) await put(stores[at], "new", 2);
    await put(stores[2], "old", 1);
    const report = await store.repair();
    expect(report).toMatchObject({ failed: 1, clean: false });
    expect(report.failures).toEqual([{ path: "k", member: "memory-3", error: expect.any(OmniError) }]);
    down.faults.clear();
    expect(await store.repair()).toMatchObject({ written: 1, clean: true });
    down.faults.add({ on: "list", do: "fail" });
    await expect(store.repair()).rejects.toThrow("a planned fault");
  });

  test("stops at an abort, and goes on from its cursor", async () => {
    const { store, stores } = group();
    for (let i = 0; i < 100; i++)
      for (const at of [0, 1])
        await stores[at]?.write(`k${String(i).padStart(3, "0")}`, "x", { stamp: { id: `w${i}`, counter: 1 } });
    const controller = new AbortController();
    const stopped = store.repair({
      concurrency: 1,
      signal: controller.signal,
      onProgress: ({ written }) => written === 40 && controller.abort(new Error("enough")),
    });
    await expect(stopped).rejects.toThrow("enough");
    const rest = await store.repair({ cursor: "k089" });
    expect(rest).toMatchObject({ examined: 10, written: 10, cursor: "k099" });
    expect((await store.repair({ prefix: "k00" })).examined).toBe(10);
    expect((await store.repair()).clean).toBe(true);
  });
});
