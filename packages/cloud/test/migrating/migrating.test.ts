import { type MigratingBackend, type MigratingOptions, migrating, PHASES, type Phase } from "@omni/cloud";
import { type Backend, createBackend, OmniError } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";

let from: Backend;
let to: Backend;
let records: Backend;
const opened: MigratingBackend[] = [];

beforeEach(() => {
  from = memory();
  to = memory();
  records = memory();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

function open(more: Partial<MigratingOptions> & { from?: Backend; to?: Backend } = {}): MigratingBackend {
  const one = migrating(more.from ?? from, more.to ?? to, { records, name: "m", leaseMs: 3_000, skewMs: 300, ...more });
  opened.push(one);
  return one;
}

const text = async (store: Backend, path: string): Promise<string | undefined> =>
  (await store.exists(path)) ? (await store.read(path)).text() : undefined;

const both = async (path: string): Promise<readonly (string | undefined)[]> => [await text(from, path), await text(to, path)];

/** Goes on to a phase, doing what each asks for. */
async function goTo(one: MigratingBackend, phase: Phase): Promise<void> {
  while ((await one.migration.phase()) !== phase) {
    const now = await one.migration.phase();
    if (now === "backfill") await one.migration.backfill();
    if (now === "verify") await one.migration.verify();
    await one.migration.advance();
  }
}

/** The new store, which takes no writes for a while. */
const downWhile = (isDown: () => boolean): Backend =>
  createBackend({
    ...to.driver,
    write: async (path, body, options) => {
      if (isDown()) throw new OmniError("UNAVAILABLE", { reason: "the new store is down", outcome: "not-applied" });
      return to.driver.write(path, body, options);
    },
  });

const failure = (promise: Promise<unknown>): Promise<OmniError> =>
  promise.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: OmniError) => error,
  );

test.each<[Phase, readonly (string | undefined)[]]>([
  ["old-only", ["new text", "text"]],
  ["dual", ["new text", "new text"]],
  ["backfill", ["new text", "new text"]],
  ["verify", ["new text", "new text"]],
  ["read-new", ["new text", "new text"]],
  ["reverse-dual", ["new text", "new text"]],
  ["new-only", ["text", "new text"]],
])("in %s a change goes where it has to", async (phase, expected) => {
  const one = open();
  await goTo(one, "dual");
  await one.write("a", "text");
  if (phase === "old-only") await one.migration.rollback();
  else await goTo(one, phase);
  await one.write("a", "new text");
  expect(await both("a")).toEqual(expected);
  expect(await text(one, "a")).toBe("new text");
  await one.write(
    "b",
    (async function* () {
      yield new TextEncoder().encode("in ");
      yield new TextEncoder().encode("pieces");
    })(),
    { contentType: "text/plain", metadata: { by: "ada" } },
  );
  expect(await one.stat("b")).toMatchObject({ size: 9, contentType: "text/plain", metadata: { by: "ada" } });
  expect((await Array.fromAsync(one.list())).map(({ path }) => path)).toEqual(["a", "b"]);
  await one.delete("a");
  expect(await one.exists("a")).toBe(false);
});

test("a whole migration, with what was there before, and back from all but the last phase", async () => {
  await from.write("old/1", "one", { contentType: "text/plain", metadata: { n: "1" } });
  await from.write("old/2", "two");
  await to.write("somebody/else", "foreign");
  const one = open();
  await goTo(one, "backfill");
  expect(await one.migration.backfill()).toMatchObject({ objects: 3, copied: 2, foreign: 1, failed: 0 });
  expect(await one.migration.backfill()).toMatchObject({ objects: 3, equal: 2, copied: 0, foreign: 1 });
  await goTo(one, "verify");
  expect(await one.migration.verify()).toMatchObject({ equal: 2, differing: 0, foreign: 1 });
  await goTo(one, "reverse-dual");
  await one.write("old/1", "changed");
  for (const phase of [...PHASES].slice(0, -2).reverse()) expect(await one.migration.rollback()).toBe(phase);
  expect(await text(one, "old/1")).toBe("changed");
  await one.delete("old/2"); // The new store still has it: forward again, it must not come back.
  await goTo(one, "new-only");
  expect([await text(one, "old/1"), await text(one, "old/2")]).toEqual(["changed", undefined]);
  expect(await to.stat("old/1")).toMatchObject({ size: 7 });
  expect(await text(to, "somebody/else")).toBe("foreign");
  expect((await failure(one.migration.rollback())).message).toMatch(/no way back/);
});

test("says what has to be done before the next phase", async () => {
  const one = open();
  expect((await failure(one.migration.backfill())).message).toMatch(
    /is in the phase "old-only"; backfill runs in backfill, verify, read-new/,
  );
  await goTo(one, "backfill");
  expect((await failure(one.migration.advance())).message).toMatch(/backfill\(\) has not brought everything over/);
  await one.migration.backfill();
  expect(await one.migration.advance()).toBe("verify");
  expect((await failure(one.migration.advance())).message).toMatch(/verify\(\) has not found both stores alike/);
  await from.write("behind/its/back", "x");
  expect(await one.migration.verify()).toMatchObject({ differing: 1, examples: [{ path: "behind/its/back", what: "differs" }] });
  expect((await failure(one.migration.advance())).code).toBe("PRECONDITION_FAILED");
  await one.migration.backfill();
  await one.migration.verify();
  expect(await one.migration.advance()).toBe("read-new");
});

test("verify sees bytes that differ under one write id", async () => {
  const one = open();
  await goTo(one, "dual");
  await one.write("a", "right");
  await goTo(one, "verify");
  const { stamp } = await from.stat("a");
  await to.write("a", "wrong", { stamp });
  expect(await one.migration.verify({ content: "stamp" })).toMatchObject({ equal: 1 });
  expect(await one.migration.verify()).toMatchObject({ differing: 1 });
});

test("a store that is down is made good later where it may be, and fails the change where it may not", async () => {
  let isDown = true;
  const shaky = downWhile(() => isDown);
  const one = open({ to: shaky });
  await goTo(one, "dual");
  await one.write("a", "noted");
  expect(await both("a")).toEqual(["noted", undefined]);
  isDown = false;
  expect(await one.migration.settle()).toBe(1);
  expect(await both("a")).toEqual(["noted", "noted"]);
  await goTo(one, "verify");
  isDown = true;
  const error = await failure(one.write("a", "required"));
  expect([error.code, error.outcome, error.message]).toEqual([
    "IN_DOUBT",
    "unknown",
    expect.stringMatching(/the old store has it/),
  ]);
  isDown = false;
  await one.write("a", "the next");
  expect(await both("a")).toEqual(["the next", "the next"]);
  expect(await one.migration.settle()).toBe(0);
});

test("a path that a living instance could not make good is not kept from the others", async () => {
  let isDown = true;
  const shaky = downWhile(() => isDown);
  const mover = open({ to: shaky });
  const other = open({ to: shaky });
  await goTo(mover, "dual");
  await mover.write("a", "noted");
  expect((await failure(mover.migration.settle())).message).toMatch(/the new store is down/);
  // The mover lives, and has nothing more to do there.
  expect((await failure(other.write("a", "too early"))).message).toMatch(/the new store is down/);
  isDown = false;
  await other.write("a", "the next");
  expect(await both("a")).toEqual(["the next", "the next"]);
});

test.each(["delete", "write"] as const)("a lost %s of a hold's record does not keep the path from the others", async (verb) => {
  let losing = false;
  const lose = (path: string): void => {
    if (!losing || !path.includes("/holds/")) return;
    losing = false;
    throw new Error("the request was lost");
  };
  const shaky = createBackend({
    ...records.driver,
    delete: async (path, options) => {
      if (verb === "delete") lose(path);
      return records.driver.delete(path, options);
    },
    write: async (path, body, options) => {
      const written = await records.driver.write(path, body, options);
      if (verb === "write") lose(path);
      return written;
    },
  });
  const one = open({ records: shaky });
  const other = open();
  await goTo(one, "dual");
  losing = true;
  await one.write("a", "first").catch((error: unknown) => expect(String(error)).toMatch(/the request was lost/));
  expect(losing).toBe(false);
  await other.write("a", "second");
  expect(await both("a")).toEqual(["second", "second"]);
});

test("in read-new what only the old store has is found, and brought over", async () => {
  const one = open();
  await goTo(one, "read-new");
  await from.write("late", "straggler");
  expect(await text(one, "late")).toBe("straggler");
  expect(await both("late")).toEqual(["straggler", "straggler"]);
  expect((await failure(one.read("nowhere"))).code).toBe("NOT_FOUND");
});

test("in read-new a change that the new store did not take is not acknowledged, since reads go there", async () => {
  let isDown = false;
  const shaky = downWhile(() => isDown);
  const one = open({ to: shaky });
  await goTo(one, "read-new");
  await one.write("a", "before");
  isDown = true;
  expect(await failure(one.write("a", "after"))).toMatchObject({ code: "IN_DOUBT", outcome: "unknown" });
  expect(await text(one, "a")).toBe("before");
  isDown = false;
  expect(await one.migration.settle()).toBe(1);
  expect([await both("a"), await text(one, "a")]).toEqual([["after", "after"], "after"]);
});

test("a change that was noted before the direction turned back is made good the way it was made", async () => {
  let isDown = false;
  const shaky = createBackend({
    ...from.driver,
    write: async (path, body, options) => {
      if (isDown) throw new OmniError("UNAVAILABLE", { reason: "the old store is down", outcome: "not-applied" });
      return from.driver.write(path, body, options);
    },
  });
  const one = open({ from: shaky });
  await goTo(one, "read-new");
  await one.write("a", "before");
  await goTo(one, "reverse-dual");
  isDown = true;
  await one.write("a", "acknowledged");
  expect(await both("a")).toEqual(["before", "acknowledged"]);
  await one.migration.rollback();
  isDown = false;
  // The old store counts again, but it was the new one that had decided this change.
  expect(await one.migration.settle()).toBe(1);
  expect(await both("a")).toEqual(["acknowledged", "acknowledged"]);
});

test("what is deleted while the backfill passes by is no failure of the backfill", async () => {
  const one = open({
    to: createBackend({
      ...to.driver,
      // It is listed, and gone when it is looked at.
      list: async function* (prefix, options) {
        for (const info of await Array.fromAsync(to.driver.list(prefix, options))) {
          if (info.path === "gone") await to.delete("gone");
          yield info;
        }
      },
    }),
  });
  await goTo(one, "backfill");
  await one.write("gone", "soon");
  await from.delete("gone");
  expect(await one.migration.backfill()).toMatchObject({ failed: 0, foreign: 0, examples: [] });
  expect(await one.migration.advance()).toBe("verify");
});

test("a change that a dead instance left half done is made good by the next one", async () => {
  let isCut = false;
  const cut = createBackend({
    ...records.driver,
    write: async (path, body, options) => {
      if (isCut) throw new OmniError("UNAVAILABLE", { reason: "the records cannot be reached", outcome: "not-applied" });
      return records.driver.write(path, body, options);
    },
  });
  const dead = open({ to: faulty(to, [{ on: "write", do: "hang" }]), records: cut, instance: "dead", leaseMs: 300 });
  await goTo(dead, "dual");
  const living = open({ instance: "living" });
  const never = dead.write("a", "half");
  while ((await text(from, "a")) === undefined) await new Promise((resolve) => setImmediate(resolve));
  isCut = true;
  await living.write("a", "whole");
  expect(await both("a")).toEqual(["whole", "whole"]);
  expect(await never).toMatchObject({ size: 4 }); // Its own store has had it; the rest was noted, or is left to others.
});

test("changes of one path from several instances leave both stores alike", async () => {
  const instances = [open(), open(), open()];
  await goTo(instances[0] as MigratingBackend, "dual");
  await Promise.all(instances.map((one) => one.exists("a"))); // Each has joined.
  await instances[0]?.migration.advance();
  await Promise.all(instances.flatMap((one, i) => [1, 2, 3].map((n) => (n === 2 ? one.delete("a") : one.write("a", `${i} ${n}`)))));
  const [old, fresh] = await both("a");
  expect(old).toBe(fresh);
});

test.each<[string, () => unknown, RegExp]>([
  ["one store twice", () => migrating(from, from, { records, name: "m" }), /from and to are the same store/],
  [
    "a store without write ids",
    () => migrating(from, createBackend({ ...to.driver, features: {} }), { records, name: "m" }),
    /keeps no write ids/,
  ],
  [
    "records without conditions",
    () => migrating(from, to, { records: createBackend({ ...records.driver, features: {} }), name: "m" }),
    /conditional replace/,
  ],
  ["a bad name", () => migrating(from, to, { records, name: "a/b" }), /1 to 100 letters/],
])("refuses %s", (_, make, message) => {
  expect(make).toThrow(message);
});
