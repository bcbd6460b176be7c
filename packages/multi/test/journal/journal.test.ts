import { createHash } from "node:crypto";
import { type Backend, collect, createBackend, MultiError, type ObjectInfo, OmniError, type StorageDriver, wrap } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, type MultiOptions, multi, type WriteOutcome } from "@omni/multi";
import { HeadLog } from "../../src/journal/log.ts";
import { close, decide, type OpenHead } from "../../src/journal/protocol.ts";
import { AutoClock } from "../auto-clock.ts";

const DOWN: Fault = { on: ["commit", "stat", "resumeStage", "read", "stage", "delete"], do: "fail" };

/** A group of two, `a` and `b`, of which `b` can be made to fail, and everything beside it. */
function setUp(options: MultiOptions = {}) {
  const clock = new AutoClock();
  const stores = { a: memory({ clock }), b: memory({ clock }) };
  const b = faulty(stores.b, [], { clock });
  const journal = memory({ clock });
  const members = [
    { name: "a", backend: stores.a },
    { name: "b", backend: b },
  ];
  const open = (more: MultiOptions = {}): MultiBackend => multi(members, { journal, clock, ...options, ...more });
  return { clock, stores, faults: b.faults, journal, members, open, group: open() };
}

async function textAt(store: Backend, path: string): Promise<string | undefined> {
  try {
    return await (await store.read(path)).text();
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

async function rejection(work: Promise<unknown>): Promise<MultiError<WriteOutcome> & { readonly intent?: string }> {
  return work.then(
    () => {
      throw new Error("it resolved");
    },
    (error) => error,
  );
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe("conditions are evaluated in the head", () => {
  test("ifNoneMatch and ifMatch, by write id", async () => {
    const { group, stores } = setUp();
    const first = await group.write("p", "one", { ifNoneMatch: "*" });
    expect(first.etag).toBe((await stores.a.stat("p")).stamp?.id);
    await expect(group.write("p", "no", { ifNoneMatch: "*" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    const second = await group.write("p", "two", { ifMatch: first.etag });
    await expect(group.write("p", "no", { ifMatch: first.etag })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
    await expect(group.delete("p", { ifMatch: first.etag })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
    await group.delete("p", { ifMatch: second.etag });
    expect(await textAt(stores.a, "p")).toBeUndefined();
    await group.write("p", "three", { ifNoneMatch: "*" });
    expect(await textAt(stores.b, "p")).toBe("three");
  });

  test("of many creates at once one wins, in several processes", async () => {
    const { open, stores } = setUp();
    const groups = [open(), open(), open()];
    const results = await Promise.allSettled(
      groups.flatMap((group, at) => [0, 1, 2].map((nth) => group.write("p", `${at}${nth}`, { ifNoneMatch: "*" }))),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results)
      if (result.status === "rejected") expect(OmniError.is(result.reason, "ALREADY_EXISTS")).toBe(true);
    expect(await textAt(stores.a, "p")).toBe(await textAt(stores.b, "p"));
  });

  test("a move leaves a source that was replaced meanwhile", async () => {
    const { group, open, stores } = setUp();
    await group.write("from", "old");
    const slow = faulty(stores.a, [{ on: "read", do: "hang", atByte: 1, once: true }]);
    const mover = multi(
      [
        { name: "a", backend: slow },
        { name: "b", backend: stores.b },
      ],
      { journal: setUp().journal, adopt: true },
    );
    const moving = rejection(mover.move("from", "to"));
    await slow.faults.struck();
    await mover.write("from", "new");
    slow.faults.release();
    expect(await moving).toMatchObject({ code: "PRECONDITION_FAILED" });
    expect(await textAt(stores.b, "to")).toBe("old");
    expect(await textAt(stores.b, "from")).toBe("new");
    expect(open).toBeDefined();
  });
});

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

describe("requests that come late or twice", () => {
  test.each(["commit", "delete"] as const)("a late %s does not undo what was decided since", async (on) => {
    const { group, faults, stores } = setUp();
    await group.write("p", "old");
    faults.add({ on, do: "apply-late", once: true });
    await (on === "commit" ? group.write("p", "first") : group.delete("p"));
    expect(await group.recover()).toEqual({ finished: 0, aborted: 0, open: 0 });
    await group.write("p", "second");
    expect(faults.late).toBe(1);
    await faults.flush();
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["second", "second"]);
  });

  test("an owner that stands still while others finish and write on does no harm", async () => {
    const { group, open, faults, stores } = setUp();
    await group.write("p", "old");
    faults.add({ on: "commit", do: "hang", once: true });
    const writing = group.write("p", "slow");
    await faults.struck();
    const other = open();
    await other.write("p", "fast");
    faults.release();
    // It was decided and carried out, before the other one.
    expect((await writing).outcomes.map(({ state }) => state)).toEqual(["committed", "committed"]);
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["fast", "fast"]);
  });

  test("the journal's answers may be lost", async () => {
    const { clock, journal, members, stores } = setUp();
    const lossy = faulty(journal, [], { clock });
    const group = multi(members, { journal: lossy, clock });
    await group.write("p", "old");
    // The decision, a repetition of it, and the end.
    lossy.faults.add({ on: "write", do: "fail-after-commit", times: 3 });
    await group.write("p", "new");
    expect(lossy.faults.log).toHaveLength(3);
    expect(await textAt(stores.b, "p")).toBe("new");
    expect(await group.recover()).toEqual({ finished: 0, aborted: 0, open: 0 });
  });

  test("a journal that goes away at the decision leaves the write in doubt, and what is staged stays", async () => {
    const { clock, journal, members, stores } = setUp();
    const lossy = faulty(journal, [], { clock });
    const group = multi(members, { journal: lossy, clock });
    await group.write("p", "old");
    lossy.faults.add({ on: "write", do: "apply-late", once: true });
    lossy.faults.add({ on: "write", do: "hang" });
    const error = await rejection(group.write("p", "new"));
    expect(error).toMatchObject({ code: "IN_DOUBT", outcome: "unknown" });
    lossy.faults.clear();
    expect(await all(group.intents())).toEqual([]);
    await lossy.faults.flush();
    expect((await all(group.intents())).map(({ id }) => id)).toEqual([error.intent]);
    expect(await group.recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
    expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["new", "new"]);
  });
});

describe("the journal's group", () => {
  test("other members are refused, and taken when the group is to change and nothing is open", async () => {
    const { group, journal, stores, members, faults, clock } = setUp();
    await group.write("p", "old");
    const others = [...members.slice(0, 1), { name: "c", backend: memory() }];
    const more = multi(others, { journal, clock });
    expect(await rejection(more.write("p", "x"))).toMatchObject({ code: "INVALID_ARGUMENT" });
    faults.add({ ...DOWN, on: ["commit", "stat", "resumeStage"] });
    await rejection(group.write("p", "new"));
    expect(await rejection(multi(others, { journal, clock, changeMembers: true }).write("p", "x"))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("recover()"),
    });
    faults.clear();
    await group.recover();
    await multi(others, { journal, clock, changeMembers: true }).write("p", "x");
    expect(await textAt(stores.a, "p")).toBe("x");
    expect(await rejection(multi(members, { journal, clock }).write("p", "y"))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("an empty journal beside members that a group wrote to needs adopt", async () => {
    const { group, members, clock, stores } = setUp();
    const { etag } = await group.write("p", "old");
    const lost = memory();
    expect(await rejection(multi(members, { journal: lost, clock }).write("p", "x"))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("adopt"),
    });
    const adopted = multi(members, { journal: lost, clock, adopt: true });
    expect(await rejection(adopted.write("p", "x", { ifNoneMatch: "*" }))).toMatchObject({ code: "ALREADY_EXISTS" });
    await adopted.write("p", "new", { ifMatch: etag });
    await adopted.delete("p");
    expect(await textAt(stores.b, "p")).toBeUndefined();
  });

  test("objects older than the group are moved, replaced and deleted", async () => {
    const { stores, members, journal, clock } = setUp();
    for (const store of Object.values(stores)) for (const path of ["p", "q", "r"]) await store.write(path, `old ${path}`);
    const group = multi(members, { journal, clock });
    await group.move("p", "moved");
    await group.write("q", "new");
    await group.delete("r");
    for (const store of Object.values(stores))
      expect(await Promise.all(["p", "moved", "q", "r"].map((path) => textAt(store, path)))).toEqual([
        undefined,
        "old p",
        "new",
        undefined,
      ]);
  });

  test("what cannot keep the promise is refused at construction", () => {
    const plain = createBackend({ ...memory().driver, stage: undefined } as unknown as StorageDriver);
    const stampless = createBackend(wrap(memory().driver, { features: { ...memory().driver.features, stamps: false } }));
    const noCreate = createBackend(
      wrap(memory().driver, { features: { conditional: { create: false, replace: false, delete: false } } }),
    );
    for (const member of [plain, stampless])
      expect(() => multi([memory(), member], { journal: memory() })).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
    expect(() => multi([memory(), memory()], { journal: noCreate })).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
  });

  test("a journal that does not keep its word is found out when it is opened, before anything is staged", async () => {
    const liar = memory();
    const lying = createBackend(
      wrap(liar.driver, { write: (path, body, options) => liar.driver.write(path, body, { ...options, ifNoneMatch: undefined }) }),
    );
    const b = faulty(memory(), []);
    const group = multi([memory(), b], { journal: lying });
    expect(await rejection(group.write("p", "x"))).toMatchObject({ code: "NOT_SUPPORTED" });
    await expect(group.read("p")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("without the journal nothing is staged, and reads go on", async () => {
    const { clock, journal, members, faults } = setUp();
    const broken = faulty(journal, [], { clock });
    const group = multi(members, { journal: broken, clock });
    await group.write("p", "old");
    broken.faults.add({ on: ["write", "list", "read", "stat"], do: "fail" });
    faults.add({ on: "stage", do: "fail", error: new Error("it was staged") });
    expect(await rejection(group.write("p", "new"))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    expect(await (await group.read("p")).text()).toBe("old");
    expect(faults.log).toEqual([]);
  });

  test("recover and intents without a journal say what is missing", async () => {
    const group = multi([memory(), memory()]);
    expect(await rejection(group.recover())).toMatchObject({ code: "NOT_SUPPORTED" });
    expect(() => group.intents()).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
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

test("an error of the source is thrown as it is, an abort as its reason, and nothing is left", async () => {
  const { group, stores } = setUp();
  const broken = new Error("the source broke");
  const source = async function* () {
    yield new Uint8Array(10);
    throw broken;
  };
  expect((await rejection(group.write("p", source()))).cause ?? (await rejection(group.write("p", source())))).toBe(broken);
  const reason = new Error("changed my mind");
  expect(await rejection(group.write("p", "x", { signal: AbortSignal.abort(reason) }))).toBe(reason);
  expect(await textAt(stores.a, "p")).toBeUndefined();
});

describe("a store whose etags repeat with the bytes", () => {
  /** The memory store with etags of its bytes, conditional deletes under them. */
  function likeAws(store: Backend): Backend {
    const { driver } = store;
    const seen = async (info: ObjectInfo): Promise<ObjectInfo> => {
      const { body } = await driver.read(info.path, {});
      return {
        ...info,
        etag: createHash("md5")
          .update(await collect(body))
          .digest("hex"),
        version: info.etag,
      };
    };
    const features = { ...driver.features, conditional: { create: true, replace: "etag" as const, delete: true } };
    return createBackend(
      wrap(driver, {
        features,
        stat: async (path, options) => seen(await driver.stat(path, options)),
        async delete(path, { ifMatch, ...options }) {
          if (ifMatch === undefined) return driver.delete(path, options);
          const { etag, version } = await seen(await driver.stat(path, options));
          if (etag !== ifMatch) throw new OmniError("PRECONDITION_FAILED", { outcome: "not-applied" });
          await driver.delete(path, { ...options, ifMatch: version });
        },
      }),
    );
  }

  test("a delete that comes late does not hit a successor with the same bytes", async () => {
    const { stores, journal, clock } = setUp();
    const b = faulty(likeAws(stores.b), [], { clock });
    const group = multi(
      [
        { name: "a", backend: stores.a },
        { name: "b", backend: b },
      ],
      { journal, clock },
    );
    await group.write("p", "same");
    b.faults.add({ on: "delete", do: "apply-late", once: true });
    await group.delete("p");
    expect(await textAt(stores.b, "p")).toBeUndefined();
    await group.write("p", "same");
    expect(b.faults.late).toBe(1);
    await b.faults.flush();
    expect(await textAt(stores.b, "p")).toBe("same");
  });
});

describe("the numbered records", () => {
  const settings = { clock: undefined, memberTimeoutMs: 1_000, logger: undefined };
  const intentOf = (id: string) => ({ id, kind: "write", at: 0, counter: 0, tokens: {}, bases: {} }) as const;
  const CLOSED = { do: "close", outcome: "committed", foreign: [] } as const;

  async function change(log: HeadLog, id: string): Promise<void> {
    const record = decide("p", await log.head("p"), intentOf(id), `${id} open`);
    expect(await log.add(record)).toBe("stands");
    await log.add(close(record as OpenHead, CLOSED, `${id} closed`));
  }

  test("old ones are removed, and one that is made again by somebody who slept is void", async () => {
    const journal = memory();
    const log = new HeadLog(journal, settings);
    await change(log, "w1");
    const seen = await log.head("p");
    const stale = decide("p", seen, intentOf("stale"), "stale");
    for (let at = 2; at <= 15; at++) await change(log, `w${at}`);
    const left = await all(createBackend(journal.driver, { reserved: true }).list(".omni/multi/heads/"));
    expect(left.length).toBeLessThan(20);
    // Its number is free again: creating it succeeds, and says nothing.
    expect(left.some(({ path }) => path.endsWith(`/${String(stale.seq).padStart(10, "0")}`))).toBe(false);
    expect(await new HeadLog(journal, settings).add(stale)).toBe("lost");
    expect((await new HeadLog(journal, settings).head("p"))?.last?.id).toBe("w15");
    expect(await all(log.open())).toEqual([]);
    // So much later nobody can tell any more, and nobody claims to.
    for (let at = 16; at <= 30; at++) await change(log, `w${at}`);
    const later = new HeadLog(journal, settings).add({ ...stale, seq: 4, nonce: "another" });
    await expect(later).rejects.toMatchObject({ code: "IN_DOUBT" });
  });

  test("of many that add after the same head one stands", async () => {
    const journal = memory();
    const logs = Array.from({ length: 6 }, () => new HeadLog(journal, settings));
    await change(logs[0] as HeadLog, "w1");
    const head = await (logs[0] as HeadLog).head("p");
    const added = await Promise.all(logs.map((log, at) => log.add(decide("p", head, intentOf(`r${at}`), `r${at}`))));
    expect(added.filter((each) => each === "stands")).toHaveLength(1);
    expect((await all((logs[1] as HeadLog).open())).map(({ open }) => open.id)).toEqual([`r${added.indexOf("stands")}`]);
  });
});
