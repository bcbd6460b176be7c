import { type Backend, createBackend, type MultiError, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, multi, type WriteOutcome } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";

const DOWN: Fault = { on: ["stat", "read", "write", "stage", "commit", "delete"], do: "fail" };

/** A quorum of three with a journal, all of which can be made to fail. */
function setUp() {
  const clock = new AutoClock();
  const stores = Array.from({ length: 3 }, () => memory({ clock }));
  const members = stores.map((store) => faulty(store, [], { clock }));
  const journal = faulty(memory({ clock }), [], { clock });
  const open = (): MultiBackend =>
    multi(members, { mode: "quorum", readPolicy: "quorum", journal, clock, memberTimeoutMs: 1_000, laggardMs: 50, breaker: false });
  const faults = members.map((member) => member.faults);
  const texts = () => Promise.all(stores.map(textAt));
  return { stores, faults: faults as [F, F, F], journal, open, group: open(), texts };
}
type F = ReturnType<typeof faulty>["faults"];

async function textAt(store: Backend): Promise<string | undefined> {
  try {
    return await (await store.read("p")).text();
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

async function rejection(work: Promise<unknown>): Promise<MultiError<WriteOutcome>> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error) => error,
  );
}

async function tombstones(journal: Backend): Promise<number> {
  const reserved = createBackend(journal.driver, { reserved: true });
  return (await Array.fromAsync(reserved.list(".omni/multi/notes/"))).length;
}

test("versions go on after a delete that all confirmed: a late request of a former write does not win over a new one", async () => {
  const { faults, open, group, texts } = setUp();
  faults[2].add({ on: "write", do: "apply-late", once: true });
  const former = await group.write("p", "former");
  await group.delete("p");
  expect(await texts()).toEqual([undefined, undefined, undefined]);
  faults[2].add(DOWN);
  const { stamp } = await group.write("p", "new");
  expect(stamp?.counter).toBeGreaterThan(former.stamp?.counter ?? 0);
  faults[2].clear();
  await faults[2].flush();
  expect(await texts()).toEqual(["new", "new", "former"]);
  expect(await textAt(open())).toBe("new");
  await open().repair();
  expect(await texts()).toEqual(["new", "new", "new"]);
});

test("a write that comes again at every member after the delete is not seen, and a repair removes it", async () => {
  const { faults, open, group, texts } = setUp();
  for (const each of faults) each.add({ on: "write", do: "apply-twice", again: "late", once: true });
  await group.write("p", "former");
  await group.delete("p");
  for (const each of faults) await each.flush();
  expect(await texts()).toEqual(["former", "former", "former"]);
  expect(await open().exists("p")).toBe(false);
  expect(await open().repair()).toMatchObject({ removed: 3, written: 0, failed: 0, clean: true });
  expect(await texts()).toEqual([undefined, undefined, undefined]);
  expect(await open().repair()).toMatchObject({ removed: 0, written: 0, clean: true });
});

test("the newest tombstone of a path stays, the older ones go", async () => {
  const { journal, group, open } = setUp();
  for (let at = 0; at < 3; at++) {
    await group.write("p", `${at}`);
    await group.delete("p");
  }
  await group.write("p", "last");
  await open().repair();
  expect(await tombstones(journal)).toBe(1);
  expect(await textAt(open())).toBe("last");
});

test("with too few looks answered a delete rejects before anything is kept or deleted", async () => {
  const { stores, faults, journal, group, open, texts } = setUp();
  await group.write("p", "old");
  faults[2].add(DOWN);
  for (let at = 0; at < 3; at++) await group.write("p", `new ${at}`);
  faults[2].clear();
  // Only who missed the last writes answers: a tombstone above its version would be below theirs.
  for (const at of [0, 1]) faults[at]?.add({ on: "stat", do: "fail", once: true });
  const before = await tombstones(journal);
  const error = await rejection(group.delete("p"));
  expect(error).toMatchObject({ code: "QUORUM_FAILED", outcome: "not-applied" });
  expect(error.outcomes.map(({ state }) => state)).toEqual(["failed", "failed", "discarded"]);
  expect([await tombstones(journal), await texts()]).toEqual([before, ["new 2", "new 2", "old"]]);
  expect(await textAt(open())).toBe("new 2");
  await group.delete("p");
  expect(await open().exists("p")).toBe(false);
  expect(await stores[0]?.exists("p")).toBe(false);
});

test("once its tombstone is kept a delete takes effect, whatever the members said", async () => {
  const { faults, open, group, texts } = setUp();
  await group.write("p", "old");
  for (const each of faults) each.add({ on: "delete", do: "fail" });
  expect(await rejection(group.delete("p"))).toMatchObject({ code: "QUORUM_FAILED", outcome: "unknown" });
  expect(await texts()).toEqual(["old", "old", "old"]);
  expect(await open().exists("p")).toBe(false);
  for (const each of faults) each.clear();
  expect(await open().repair()).toMatchObject({ removed: 3, clean: true });
  const { stamp } = await group.write("p", "new");
  expect([stamp?.counter, await textAt(open())]).toEqual([3, "new"]);
});

test("without the journal members that agree are believed, and others are not", async () => {
  const { stores, faults, journal, group, open } = setUp();
  await group.write("p", "old");
  journal.faults.add({ on: ["list", "read"], do: "fail" });
  expect(await textAt(open())).toBe("old");
  await stores[1]?.delete("p");
  faults[2].add(DOWN);
  await expect(open().read("p")).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a newer write that one member holds beside a tombstone was missed by the others: a repair brings it to them", async () => {
  const { faults, open, group, texts } = setUp();
  await group.write("p", "old");
  await group.delete("p");
  for (const at of [1, 2]) faults[at]?.add({ on: "write", do: "fail" });
  expect(await rejection(group.write("p", "new"))).toMatchObject({ code: "QUORUM_FAILED", outcome: "unknown" });
  for (const each of faults) each.clear();
  expect(await open().repair()).toMatchObject({ written: 2, ambiguous: 0, clean: true });
  expect(await texts()).toEqual(["new", "new", "new"]);
});

test("what a repair made where nothing was is not taken back for doubt: its writer may have counted it", async () => {
  const { stores, faults, journal, group, open, texts } = setUp();
  await group.write("p", "old");
  await stores[2]?.delete("p");
  let isMade = false;
  faults[2].add({
    on: "write",
    do: "delay",
    delayMs: 0,
    when: () => {
      isMade = true;
      return true;
    },
  });
  journal.faults.add({ on: ["list", "read"], do: "fail", when: () => isMade, once: true });
  expect(await open().repair()).toMatchObject({ written: 0, failed: 1 });
  expect(await texts()).toEqual(["old", "old", "old"]);
});

test("a write that nobody took leaves what was decided before it: a repair is not in doubt, and a tombstone below it counts", async () => {
  const { stores, faults, open, group, texts } = setUp();
  await group.write("p", "old");
  faults[2].add(DOWN);
  await group.delete("p");
  faults[2].clear();
  for (const each of faults) each.add({ on: "write", do: "apply-late" });
  expect(await rejection(group.write("p", "lost"))).toMatchObject({ code: "QUORUM_FAILED", outcome: "unknown" });
  for (const each of faults) each.clear();
  expect(await stores[2]?.exists("p")).toBe(true);
  faults[0].add(DOWN);
  expect(await open().exists("p")).toBe(false);
  faults[0].clear();
  expect(await open().repair()).toMatchObject({ removed: 1, written: 0, ambiguous: 0, clean: true });
  expect(await texts()).toEqual([undefined, undefined, undefined]);
});

test("a write that nobody took, over an acknowledged one that a member missed: the acknowledged one goes everywhere", async () => {
  const { faults, open, group, texts } = setUp();
  faults[2].add(DOWN);
  await group.write("p", "kept");
  faults[2].clear();
  for (const each of faults) each.add({ on: "write", do: "apply-late" });
  expect(await rejection(group.write("p", "lost"))).toMatchObject({ code: "QUORUM_FAILED", outcome: "unknown" });
  for (const each of faults) each.clear();
  expect(await open().repair()).toMatchObject({ written: 1, ambiguous: 0, clean: true });
  expect(await texts()).toEqual(["kept", "kept", "kept"]);
});

test("a journal that lists notes which are not there is said, and not asked for ever", async () => {
  const { group, journal } = setUp();
  await group.write("p", "old");
  await group.delete("p");
  const gone = (): OmniError => new OmniError("NOT_FOUND");
  journal.faults.add({ on: "read", when: ({ path }) => path?.includes("/notes/") === true, do: "fail", error: gone });
  const error = await rejection(group.delete("p"));
  expect(error).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("20 times in a row") });
});
