import type { Backend } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiOptions, multi } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";

const PATH = "a/b.txt";

async function textOf(store: Backend, path = PATH): Promise<string> {
  return (await store.read(path)).text();
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "resolved",
    (error) => error.code,
  );
}

/** A group of memory stores, each saying its own name at `who`, all holding one write at PATH. */
async function group(faults: readonly (readonly Fault[])[], options: MultiOptions = {}) {
  const clock = new AutoClock();
  const stores = faults.map(() => memory({ clock }));
  const members = stores.map((store, at) => faulty(store, faults[at] ?? [], { clock }));
  const store = multi(members, { clock, memberTimeoutMs: 5_000, ...options });
  await multi(stores, { clock }).write(PATH, "same");
  for (const [at, each] of stores.entries()) await each.write("who", String(at));
  return { store, stores, members, clock };
}

describe("first", () => {
  test("asks in the order of the members, and one that failed a moment ago last", async () => {
    const { store, clock, members } = await group([[{ on: "read", do: "fail", once: true }], []]);
    expect(await textOf(store, "who")).toBe("1");
    expect(await textOf(store, "who")).toBe("1");
    clock.setTimeout(() => {}, 1_001);
    await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 1_002));
    expect(await textOf(store, "who")).toBe("0");
    expect(members[0]?.faults.log).toHaveLength(1);
  });

  test("a member with an open breaker is not asked at all, and tried once after a while", async () => {
    const down: Fault = { on: "stat", do: "fail" };
    const states: string[] = [];
    const { store, members, clock } = await group([[down], []], { breaker: { failures: 3, openMs: 10_000, jitter: 0 } });
    store.events.on("breaker", ({ member, state }) => states.push(`${member} ${state}`));
    for (let i = 0; i < 3; i++) {
      await store.stat(PATH);
      await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 1_001));
    }
    expect(states).toEqual(["memory-1 open"]);
    for (let i = 0; i < 100; i++) await store.stat(PATH);
    expect(members[0]?.faults.log).toHaveLength(3);
    members[0]?.faults.clear();
    await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 10_001));
    await store.stat(PATH);
    expect(states).toEqual(["memory-1 open", "memory-1 half-open", "memory-1 closed"]);
  });

  test("when every breaker is open the group says UNAVAILABLE at once", async () => {
    const { store, members } = await group([[{ on: "stat", do: "fail" }]], { breaker: { failures: 1, openMs: 10_000 } });
    expect(await codeOf(store.stat(PATH))).toBe("UNAVAILABLE");
    const error = await store.stat(PATH).catch((thrown) => thrown);
    expect(error.message).toContain("its breaker is open");
    expect(members[0]?.faults.log).toHaveLength(1);
  });
});

describe("round-robin", () => {
  test("asks the members in turn", async () => {
    const { store } = await group([[], [], []], { readPolicy: "round-robin" });
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) seen.push(await textOf(store, "who"));
    expect(seen).toEqual(["0", "1", "2", "0", "1", "2"]);
  });
});

describe("fastest", () => {
  const slow = (delayMs: number, times?: number): Fault => ({ on: ["read", "stat"], do: "delay", delayMs, times });

  test("asks the one that answered fastest of late", async () => {
    const { store, members } = await group([[slow(50)], [slow(5)]], { readPolicy: "fastest" });
    await store.stat(PATH);
    await store.stat(PATH);
    const before = members.map(({ faults }) => faults.log.length);
    for (let i = 0; i < 10; i++) expect(await textOf(store, "who")).toBe("1");
    expect(members.map(({ faults }, at) => faults.log.length - (before[at] as number))).toEqual([0, 10]);
  });

  test("asks a second member when the first takes longer than usual, and calls the first back", async () => {
    const { store, members, clock } = await group([[], [slow(2)]], { readPolicy: "fastest" });
    const hedges: unknown[] = [];
    store.events.on("hedge", (event) => hedges.push(event));
    for (let i = 0; i < 20; i++) await store.stat(PATH);
    members[0]?.faults.add({ on: "read", do: "hang" });
    const start = clock.now();
    expect(await textOf(store, "who")).toBe("1");
    expect(clock.now() - start).toBeLessThanOrEqual(10);
    expect(hedges).toEqual([{ path: "who", member: "memory-2", afterMs: 1 }]);
    expect(members[0]?.faults.hanging).toBe(0);
  });

  test("an error is not waited out: the next is asked at once", async () => {
    const { store, clock } = await group([[{ on: "read", do: "fail" }], []], { readPolicy: "fastest" });
    const start = clock.now();
    expect(await textOf(store, "who")).toBe("1");
    expect(clock.now() - start).toBe(0);
  });

  test("an abort reaches every member that is asked", async () => {
    const { store, members } = await group([[{ on: "read", do: "hang" }], [{ on: "read", do: "hang" }]], { readPolicy: "fastest" });
    const controller = new AbortController();
    const reading = store.read(PATH, { signal: controller.signal }).catch((error) => error);
    await members[1]?.faults.struck();
    controller.abort("enough");
    expect(await reading).toBe("enough");
    expect(members.map(({ faults }) => faults.hanging)).toEqual([0, 0]);
  });
});

describe("quorum", () => {
  const options: MultiOptions = { mode: "quorum", readPolicy: "quorum" };
  const stamped = (store: Backend, text: string, counter: number) =>
    store.write(PATH, text, { stamp: { id: `write-${counter}`, counter } });

  test("gives the highest version of enough members, and says who is behind", async () => {
    const { store, stores } = await group([[], [], []], options);
    for (const each of stores) await stamped(each, "older", 9);
    await stamped(stores[1] as Backend, "newer", 10);
    await stamped(stores[2] as Backend, "newer", 10);
    const stale: unknown[] = [];
    store.events.on("stale", (event) => stale.push(event));
    expect(await textOf(store)).toBe("newer");
    expect((await store.stat(PATH)).stamp).toEqual({ id: "write-10", counter: 10 });
    expect(stale).toContainEqual({ path: PATH, members: ["memory-1"] });
    expect(await textOf(store, PATH)).toBe("newer");
  });

  /** A group of which the first member is behind. */
  async function behind(faults: readonly Fault[], more: MultiOptions = {}) {
    const made = await group([[], [], []], { ...options, ...more });
    await stamped(made.stores[0] as Backend, "older", 9);
    for (const at of [1, 2]) await stamped(made.stores[at] as Backend, "newer", 10);
    for (const fault of faults) made.members[0]?.faults.add(fault);
    const happened: string[] = [];
    made.store.events.on("heal", ({ path, members, complete }) => happened.push(`${path} at ${members}: ${complete}`));
    const held = () => Promise.all(made.stores.map(async (each) => (await each.stat(PATH)).stamp?.counter));
    return { ...made, happened, held };
  }

  test("brings together in the background what it finds behind, and counts it", async () => {
    const { store, happened, held } = await behind([]);
    expect(await textOf(store)).toBe("newer");
    await store.close();
    expect(happened).toEqual([`${PATH} at memory-1: true`]);
    expect(await held()).toEqual([10, 10, 10]);
    expect(store.stats()).toMatchObject({ staleReads: 1, readRepairs: 1, byMember: { "memory-1": { repairs: 1 } } });
  });

  test("a repair that hangs or fails does neither delay nor fail the read; close() waits for it", async () => {
    const { store, happened, held } = await behind([{ on: ["write", "stage"], do: "hang" }]);
    expect(await textOf(store)).toBe("newer");
    happened.push("read");
    await Promise.all([textOf(store), textOf(store)]);
    await store.close();
    happened.push("closed");
    // One at a time for each path.
    expect(happened).toEqual(["read", `${PATH} at memory-1: false`, "closed"]);
    expect(await held()).toEqual([9, 10, 10]);
  });

  test("makes nothing where nothing is, unless a journal knows of deletes", async () => {
    const bare = await behind([]);
    await bare.stores[0]?.delete(PATH);
    expect(await textOf(bare.store)).toBe("newer");
    await bare.store.close();
    expect([bare.happened, await bare.stores[0]?.exists(PATH)]).toEqual([[`${PATH} at memory-1: false`], false]);

    const kept = await behind([], { journal: memory(), adopt: true });
    await kept.stores[0]?.delete(PATH);
    expect(await textOf(kept.store)).toBe("newer");
    await kept.store.close();
    expect([kept.happened, await kept.held()]).toEqual([[`${PATH} at memory-1: true`], [10, 10, 10]]);
  });

  test("what is deleted while it is repaired stays deleted", async () => {
    const journal = memory();
    const { store, stores, members, happened, clock } = await behind([{ on: ["write", "stage"], do: "hang", once: true }], {
      journal,
      adopt: true,
    });
    await stores[0]?.delete(PATH);
    expect(await textOf(store)).toBe("newer");
    await members[0]?.faults.struck();
    await multi(stores, { ...options, journal, clock }).delete(PATH);
    members[0]?.faults.release();
    await store.close();
    expect(await Promise.all(stores.map((each) => each.exists(PATH)))).toEqual([false, false, false]);
    expect(happened).toEqual([`${PATH} at memory-1: true`]);
  });

  test("repairs nothing with readRepair: false, nor what a member still owes", async () => {
    const { store, happened, held } = await behind([], { readRepair: false });
    expect(await textOf(store)).toBe("newer");
    await store.close();
    expect([happened, await held()]).toEqual([[], [9, 10, 10]]);
    const late = await group([[], [], [{ on: ["write", "commit"], do: "hang" }]], {
      ...options,
      laggardMs: 5,
      memberTimeoutMs: 500,
    });
    const heals: unknown[] = [];
    late.store.events.on("heal", (event) => heals.push(event));
    await late.store.write(PATH, "written");
    late.members[0]?.faults.add({ on: "stat", do: "fail" });
    expect(await textOf(late.store)).toBe("written");
    expect(late.store.stats()).toMatchObject({ staleReads: 1, readRepairs: 0 });
    expect(heals).toEqual([]);
    await late.store.close();
  });

  test("goes on at another holder when one fails, and needs enough answers", async () => {
    const { store, members } = await group([[{ on: "read", do: "fail" }], [], []], options);
    expect(await textOf(store)).toBe("same");
    for (const at of [0, 1]) members[at]?.faults.add({ on: "stat", do: "fail" });
    const error = await store.read(PATH).catch((thrown) => thrown);
    expect([error.code, error.message]).toEqual(["UNAVAILABLE", expect.stringContaining("fewer than 2 of 3 members answer")]);
  });

  test("NOT_FOUND needs as many", async () => {
    const { store, stores } = await group([[], [], []], options);
    await stores[0]?.delete(PATH);
    expect(await textOf(store)).toBe("same");
    for (const each of stores) await each.delete(PATH);
    expect(await codeOf(store.read(PATH))).toBe("NOT_FOUND");
    expect(await store.exists(PATH)).toBe(false);
  });

  test("lists what any of enough members has, the highest version of each", async () => {
    const { store, stores, members } = await group([[], [], []], options);
    await stamped(stores[1] as Backend, "newer, longer", 10);
    await stores[1]?.write("only/here", "x");
    const seen = async () => (await Array.fromAsync(store.list())).map(({ path, size }) => `${path} ${size}`);
    expect(await seen()).toEqual([`${PATH} 13`, "only/here 1", "who 1"]);
    members[0]?.faults.add({ on: "list", do: "fail", atEntry: 1 });
    expect(await seen()).toEqual([`${PATH} 13`, "only/here 1", "who 1"]);
    members[2]?.faults.add({ on: "list", do: "fail" });
    expect(await codeOf(seen())).toBe("UNAVAILABLE");
  });
});
