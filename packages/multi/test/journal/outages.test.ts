import { type Backend, MultiError } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { type MultiBackend, multi } from "@omni/multi";
import { HeadLog } from "../../src/journal/log.ts";
import { all, DOWN, rejection, setUp, textAt } from "./journal-group.ts";

describe("a member that goes away", () => {
  test("before the decision: nothing changes anywhere, nothing is left", async () => {
    const { group, faults, stores } = setUp();
    await group.write("p", "old");
    faults.add({ on: "stage", do: "fail" });
    const error = await rejection(group.write("p", "new"));
    expect(error).toMatchObject({ code: "PARTIAL_FAILURE", outcome: "not-applied" });
    expect(error.outcomes.map(({ member, state }) => `${member} ${state}`)).toEqual(["a discarded", "b failed"]);
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["old", "old"]);
    expect(await all(group.intents())).toEqual([]);
  });

  test("after the decision: IN_DOUBT with the intent's id, listed, and finished when it is back", async () => {
    const { group, faults, stores, open } = setUp();
    await group.write("p", "old");
    faults.add({ ...DOWN, on: ["commit", "stat", "resumeStage"] });
    const error = await rejection(group.write("p", "new"));
    expect(MultiError.is(error, "IN_DOUBT")).toBe(true);
    expect(error.outcomes.map(({ member, state }) => `${member} ${state}`)).toEqual(["a committed", "b pending"]);
    const other = open();
    const [intent, ...more] = await all(other.intents());
    expect([intent?.id, intent?.path, more]).toEqual([error.intent, "p", []]);
    expect(error.message).toContain(error.intent);
    expect(await other.recover()).toEqual({ finished: 0, aborted: 0, open: 1 });
    // The next change has to finish it first, and cannot.
    expect(await rejection(other.write("p", "newer"))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    faults.clear();
    expect(await Promise.all([other.recover(), group.recover()])).toContainEqual({ finished: 1, aborted: 0, open: 0 });
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["new", "new"]);
    expect(await all(other.intents())).toEqual([]);
  });

  test("recover({ olderThanMs }) leaves younger ones alone and counts them", async () => {
    const { group, faults, stores } = setUp();
    faults.add(DOWN);
    faults.clear();
    faults.add({ ...DOWN, on: ["commit", "stat", "resumeStage"] });
    await rejection(group.write("p", "new"));
    faults.clear();
    expect(await group.recover({ olderThanMs: 3_600_000 })).toEqual({ finished: 0, aborted: 0, open: 1 });
    expect(await group.recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
    expect(await textAt(stores.b, "p")).toBe("new");
  });

  test("a delete at a member that is down is carried out when it is back, and its tombstone keeps a scan from undoing it", async () => {
    const { group, faults, stores, journal } = setUp();
    await group.write("p", "old");
    faults.add(DOWN);
    expect(await rejection(group.delete("p"))).toMatchObject({ code: "IN_DOUBT" });
    expect(await textAt(stores.a, "p")).toBeUndefined();
    faults.clear();
    expect(await group.recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
    expect(await textAt(stores.b, "p")).toBeUndefined();
    const log = new HeadLog(journal, { clock: undefined, memberTimeoutMs: 1_000, logger: undefined });
    expect((await log.head("p"))?.last).toMatchObject({ deleted: true });
  });
});

describe("tokens that are gone", () => {
  /** Removes what is staged at a member. */
  async function expire(group: MultiBackend, store: Backend, path: string, name: string): Promise<void> {
    const [intent] = await all(group.intents());
    await (await store.resumeStage(path, intent?.tokens[name] as string)).discard();
  }

  test("at one member: staged again from one that holds the write", async () => {
    const { group, faults, stores } = setUp();
    await group.write("p", "old");
    faults.add({ ...DOWN, on: ["commit", "stat", "resumeStage"] });
    await rejection(group.write("p", "new", { contentType: "text/x-new", metadata: { k: "v" } }));
    faults.clear();
    await expire(group, stores.b, "p", "b");
    expect(await group.recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
    expect(await textAt(stores.b, "p")).toBe("new");
    const [a, b] = await Promise.all([stores.a.stat("p"), stores.b.stat("p")]);
    expect([b.stamp, b.contentType, b.metadata]).toEqual([a.stamp, "text/x-new", { k: "v" }]);
  });

  test("at every member: aborted, and the former object stays", async () => {
    const { clock, stores, journal } = setUp();
    const broken = { a: faulty(stores.a, [], { clock }), b: faulty(stores.b, [], { clock }) };
    const members = Object.entries(broken).map(([name, backend]) => ({ name, backend }));
    const group = multi(members, { journal, clock });
    await group.write("p", "old");
    for (const { faults } of Object.values(broken)) faults.add({ on: ["commit", "stat", "resumeStage"], do: "fail" });
    await rejection(group.write("p", "new"));
    for (const { faults } of Object.values(broken)) faults.clear();
    await expire(group, stores.a, "p", "a");
    await expire(group, stores.b, "p", "b");
    expect(await group.recover()).toEqual({ finished: 0, aborted: 1, open: 0 });
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["old", "old"]);
    await group.write("p", "newer");
    expect(await textAt(stores.b, "p")).toBe("newer");
  });

  test("sweepStale keeps those of open intents", async () => {
    const { group, faults } = setUp();
    faults.add({ ...DOWN, on: ["commit", "stat", "resumeStage"] });
    await rejection(group.write("p", "new"));
    const kept: unknown[] = [];
    const [intent] = await all(group.intents());
    const [, b] = group.members;
    Object.assign(b?.backend.driver as object, { sweepStale: async (options: { keep: unknown }) => kept.push(options.keep) });
    expect(await group.sweepStale({ olderThanMs: 0 })).toEqual({ b: 1 });
    expect(kept).toEqual([[intent?.tokens.b]]);
  });
});

test("what was written past the journal is left alone and reported", async () => {
  const { group, faults, stores } = setUp();
  await group.write("p", "old");
  faults.add({ ...DOWN, on: ["commit", "stat", "resumeStage"] });
  await rejection(group.write("p", "new"));
  const [intent] = await all(group.intents());
  await (await stores.b.resumeStage("p", intent?.tokens.b as string)).discard();
  await stores.b.write("p", "foreign");
  faults.clear();
  expect(await group.recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
  expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["new", "foreign"]);
  await group.write("p", "newer");
  expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["newer", "newer"]);
});
