import { type Backend, createBackend } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { type MultiBackend, type MultiOptions, multi } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";
import { large, PATH, rejection } from "./faulty-group.ts";

describe("members", () => {
  test("null and undefined are left out", () => {
    const store = multi([memory(), null, undefined, memory()]);
    expect(store.count).toBe(2);
    expect(store.members.map(({ name }) => name)).toEqual(["memory-1", "memory-2"]);
  });

  test("none left is an error", () => {
    expect(() => multi([null, undefined])).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => multi([])).toThrow(/no member is left/);
  });

  test("one store twice is an error, also behind two handles", () => {
    const store = memory();
    expect(() => multi([store, store])).toThrow(/same store/);
    const disk = (): Backend => createBackend({ ...memory().driver, identity: "disk:/data" });
    expect(() => multi([disk(), disk()])).toThrow(/same store/);
  });

  test("names are kept, and refused when they stand twice", () => {
    expect(multi([{ name: "near", backend: memory() }, memory()]).members.map(({ name }) => name)).toEqual(["near", "memory-2"]);
    expect(() =>
      multi([
        { name: "x", backend: memory() },
        { name: "x", backend: memory() },
      ]),
    ).toThrow(/two members have the name "x"/);
  });

  test("what cannot hold a write back is refused where that matters", () => {
    const live = (): Backend => createBackend({ ...memory().driver, features: { live: true }, stage: undefined } as never);
    expect(() => multi([live()])).toThrow(/cannot hold a write back/);
    expect(multi([live(), memory()], { mode: "best-effort" }).guarantee.beforeFirstCommit).toBe(
      "members without staging may have written",
    );
  });

  test.each([
    [{ mode: "most" }, /mode is all, quorum, best-effort/],
    [{ quorum: 2 }, /quorum goes with mode "quorum"/],
    [{ mode: "quorum", quorum: 4 }, /quorum is 4, but there are 2 members/],
    [{ mode: "quorum", quorum: 0 }, /quorum is a whole number, 1 or more/],
    [{ mode: "best-effort", minCommits: 3 }, /minCommits is 3/],
    [{ qourum: 2 }, /unknown option "qourum"/],
    [{ partial: "maybe" }, /partial is/],
  ])("the options %j are refused", (options, words) => {
    expect(() => multi([memory(), memory()], options as never)).toThrow(words);
  });

  test("they belong to the caller, unless the group is to close them", async () => {
    const [kept, closed] = [memory(), memory()];
    await multi([kept]).close();
    await kept.write(PATH, "still open");
    await multi([closed], { closeMembers: true }).close();
    expect((await rejection(closed.stat(PATH))).code).toBe("BACKEND_CLOSED");
  });
});

describe("many at once", () => {
  test("members are served together: the time is the slowest one's, not the sum", async () => {
    const clock = new AutoClock();
    const slow = () => faulty(memory({ clock }), [{ on: "commit", do: "delay", delayMs: 100 }], { clock });
    const store: MultiBackend = multi([memory({ clock }), slow(), slow(), slow()], { clock });
    const start = clock.now();
    await store.write(PATH, large());
    expect(clock.now() - start).toBe(100);
  });

  test("the guarantee is said in words and in fields", () => {
    const { guarantee } = multi([memory(), memory(), memory()], { mode: "quorum" });
    expect(guarantee).toMatchObject({
      mode: "quorum",
      members: 3,
      needed: 2,
      readAfterWrite: false,
      notFoundNeeds: 2,
      rolledForward: false,
    });
    expect(guarantee.text).toContain("at least 2 of 3 members");
    const readAfterWrite = (options: MultiOptions, backend: Backend = memory()): boolean =>
      multi([memory(), memory(), backend], options).guarantee.readAfterWrite;
    expect(readAfterWrite({ mode: "quorum", readPolicy: "quorum" })).toBe(true);
    expect(readAfterWrite({ mode: "quorum", quorum: 1, readPolicy: "quorum" })).toBe(false);
    expect(readAfterWrite({ mode: "best-effort", readPolicy: "quorum" })).toBe(false);
    const { driver } = memory();
    const features = { ...driver.features, conditional: { create: true, replace: "etag", delete: false } } as const;
    expect(readAfterWrite({ mode: "quorum", readPolicy: "quorum" }, createBackend({ ...driver, features }))).toBe(false);
  });
});
