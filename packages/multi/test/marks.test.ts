import { createBackend, wrap } from "@omni/core";
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
  expect((await store.stat("p")).metadata).toHaveProperty("omni-deleted");
  await expect(group.stat("p")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(group.read("p")).rejects.toMatchObject({ code: "NOT_FOUND" });
  marked.faults.clear();
  expect(await group.recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
  expect(await store.exists("p")).toBe(false);
});

test("the guarantee says what a journal adds, and which members delete without a condition", () => {
  const { driver } = memory();
  const features = { ...driver.features, conditional: { create: true, replace: "etag" as const, delete: false } };
  const plain = { name: "plain", backend: createBackend(wrap(driver, { features })) };
  const { guarantee } = multi([memory(), plain], { journal: memory() });
  expect(guarantee).toMatchObject({ rolledForward: true, unfencedDeletes: ["plain"], heldUpToBytes: 0 });
  expect(guarantee.text).toContain("recover()");
  expect(multi([memory(), memory()]).guarantee).toMatchObject({ rolledForward: false, unfencedDeletes: [] });
});
