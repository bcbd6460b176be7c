import { createBackend, type StorageDriver, wrap } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";
import { DOWN, rejection, setUp, textAt } from "./journal-group.ts";

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
