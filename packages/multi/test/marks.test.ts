import { type Backend, createBackend, wrap } from "@omni/core";
import { faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { multi } from "@omni/multi";
import { AutoClock } from "./auto-clock.ts";

test("readers do not see the mark of a delete that is under way", async () => {
  const clock = new AutoClock();
  const { driver } = memory({ clock });
  const features = { ...driver.features, conditional: { create: true, replace: "etag" as const, delete: true } };
  const store = createBackend(wrap(driver, { features }), { clock });
  const marked = faulty(store, [], { clock });
  const group = multi([marked, memory({ clock })], { journal: memory({ clock }), clock });
  await group.write("p", "old");
  marked.faults.add({ on: "delete", do: "fail" });
  await expect(group.delete("p")).rejects.toMatchObject({ code: "IN_DOUBT" });
  expect((await store.stat("p")).metadata).toHaveProperty("deleted-by-omni");
  await expect(group.stat("p")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(group.read("p")).rejects.toMatchObject({ code: "NOT_FOUND" });
  marked.faults.clear();
  expect(await group.recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
  expect(await store.exists("p")).toBe(false);
});

/** A store without conditional delete, as MinIO is. */
function plainStore(name: string): { readonly name: string; readonly backend: Backend } {
  const { driver } = memory();
  const conditional = { create: true, replace: "etag" as const, delete: false };
  return { name, backend: createBackend(wrap(driver, { features: { ...driver.features, conditional } })) };
}

async function paths(items: AsyncIterable<{ readonly path: string }>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { path } of items) found.push(path);
  return found;
}

describe("where the store has no conditional delete", () => {
  test("a delete leaves a mark, which the group does not show, and the next write replaces", async () => {
    const plain = plainStore("plain");
    const group = multi([memory(), plain], { journal: memory(), readPolicy: "round-robin" });
    for (const path of ["a/x", "b", "c"]) await group.write(path, "old");
    await group.delete("a/x");
    await group.delete("b");
    expect(await paths(plain.backend.list())).toEqual(["a/x", "b", "c"]);
    for (let turn = 0; turn < group.count; turn++) {
      expect(await paths(group.list())).toEqual(["c"]);
      expect(await paths(group.list("", { delimiter: "/" }))).toEqual(["c"]);
      expect(await group.exists("b")).toBe(false);
      await expect(group.read("b")).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    expect(await group.verify().summary()).toMatchObject({ objects: 1, equal: 1, clean: true });
    expect(await group.repair()).toMatchObject({ clean: true, written: 0, removed: 0 });
    await group.write("b", "new", { ifNoneMatch: "*" });
    expect(await (await plain.backend.read("b")).text()).toBe("new");
  });

  test("a delete whose sender stood still and goes on later removes nothing of what was written since", async () => {
    const plain = plainStore("plain");
    const slow = faulty(plain.backend, [{ on: "commit", do: "hang", once: true }]);
    const [journal, first] = [memory(), memory()];
    const owner = multi(
      [
        { name: "first", backend: first },
        { name: "plain", backend: slow },
      ],
      { journal },
    );
    const other = multi([{ name: "first", backend: first }, plain], { journal });
    await other.write("p", "old");
    const deleting = owner.delete("p");
    await slow.faults.struck();
    expect(await other.recover()).toMatchObject({ finished: 1 });
    await other.write("p", "new");
    slow.faults.release();
    await deleting;
    expect(await (await plain.backend.read("p")).text()).toBe("new");
    expect(await other.verify().summary()).toMatchObject({ clean: true });
  });

  test("an object with the metadata of a mark is none", async () => {
    const group = multi([memory(), plainStore("plain")], { journal: memory(), readPolicy: "round-robin" });
    await group.write("p", "x".repeat(45), { metadata: { "deleted-by-omni": "somebody else" } });
    for (let turn = 0; turn < group.count; turn++) {
      expect(await group.exists("p")).toBe(true);
      expect(await paths(group.list())).toEqual(["p"]);
    }
    expect(await group.sweepStale({ olderThanMs: 0 })).toMatchObject({ plain: { marks: 0 } });
  });

  test("a sweep removes the marks, and mends what was written at that moment", async () => {
    const plain = plainStore("plain");
    const journal = memory();
    const slow = faulty(plain.backend, []);
    const group = multi([memory(), { name: "plain", backend: slow }], { journal });
    await group.write("gone", "old");
    await group.write("back", "old");
    await group.delete("gone");
    await group.delete("back");
    expect(await group.sweepStale()).toMatchObject({ plain: { marks: 0 } });
    slow.faults.add({ on: "delete", when: ({ path }) => path === "back", do: "hang", once: true });
    const sweeping = group.sweepStale({ olderThanMs: 0 });
    await slow.faults.struck();
    await group.write("back", "new");
    slow.faults.release();
    expect(await sweeping).toMatchObject({ plain: { marks: 2 } });
    expect(await paths(plain.backend.list())).toEqual(["back"]);
    expect(await group.verify().summary()).toMatchObject({ objects: 1, clean: true });
    expect(await (await plain.backend.read("back")).text()).toBe("new");
  });
});

test("the guarantee says what a journal adds, and at which members deletes leave marks", () => {
  const { guarantee } = multi([memory(), plainStore("plain")], { journal: memory() });
  expect(guarantee).toMatchObject({ rolledForward: true, marksStayOn: ["plain"], heldUpToBytes: 0 });
  expect(guarantee.text).toContain("recover()");
  expect(multi([memory(), memory()]).guarantee).toMatchObject({ rolledForward: false, marksStayOn: [] });
});
