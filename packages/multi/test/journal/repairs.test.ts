import { all, setUp, textAt } from "./journal-group.ts";

test("what a member lost past the journal comes back under the same write id, and a second repair does nothing", async () => {
  const { group, stores } = setUp();
  const { etag } = await group.write("p", "one", { metadata: { of: "mine" } });
  await stores.b.delete("p");
  expect(await group.repair()).toMatchObject({ written: 1, bytes: 3, failed: 0, clean: true });
  const info = await stores.b.stat("p");
  expect([await textAt(stores.b, "p"), info.stamp?.id, info.metadata?.of]).toEqual(["one", etag, "mine"]);
  expect(await group.repair()).toMatchObject({ written: 0, removed: 0, clean: true });
  expect(await all(group.intents())).toEqual([]);
  // The group's object is the same one still.
  await group.write("p", "two", { ifMatch: etag });
  expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["two", "two"]);
});

test("a repair that is cut short is an open intent: listed, and finished by recover()", async () => {
  const { group, open, faults, stores } = setUp();
  const { etag } = await group.write("p", "one");
  await stores.b.delete("p");
  faults.add({ on: ["commit", "resumeStage"], do: "fail" });
  const report = await group.repair();
  expect(report).toMatchObject({ written: 0, failed: 1, clean: false });
  expect(report.failures).toMatchObject([{ path: "p", member: "b" }]);
  expect(await all(group.intents())).toMatchObject([{ path: "p", kind: "write", tokens: { b: expect.any(String) } }]);
  faults.clear();
  expect(await open().recover()).toEqual({ finished: 1, aborted: 0, open: 0 });
  expect((await stores.b.stat("p")).stamp?.id).toBe(etag);
});

test.each(["commit", "delete"] as const)("a %s of a repair that comes late does not undo what was decided since", async (on) => {
  const { group, faults, stores } = setUp();
  await group.write("p", "one");
  if (on === "commit") await stores.b.delete("p");
  else {
    await group.delete("p");
    await stores.b.write("p", "from a backup");
  }
  faults.add({ on, do: "apply-late", once: true });
  await group.repair();
  await (on === "commit" ? group.delete("p") : group.write("p", "two"));
  expect(faults.late).toBe(1);
  await faults.flush();
  const now = on === "commit" ? undefined : "two";
  expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual([now, now]);
});

test("a repair whose path is written meanwhile gives way", async () => {
  const { group, open, faults, stores } = setUp();
  await group.write("p", "one");
  await stores.b.delete("p");
  faults.add({ on: "stage", do: "hang", once: true });
  const repairing = group.repair();
  await faults.struck();
  await open().write("p", "two");
  faults.release();
  expect(await repairing).toMatchObject({ written: 0, failed: 0 });
  expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["two", "two"]);
  expect(await all(group.intents())).toEqual([]);
});

test("what came back after a delete is removed again", async () => {
  const { group, stores } = setUp();
  await group.write("p", "one");
  await group.delete("p");
  await stores.b.write("p", "from a backup");
  expect(await group.repair()).toMatchObject({ removed: 1, written: 0, clean: true });
  expect(await textAt(stores.b, "p")).toBeUndefined();
});

test("where no member holds what was decided, the preferred one's object becomes a write of the group", async () => {
  const { group, stores } = setUp();
  const { etag } = await group.write("p", "one");
  await stores.a.write("p", "left");
  await stores.b.write("p", "right");
  expect(await group.repair()).toMatchObject({ written: 0, ambiguous: 1, clean: false });
  expect(await group.repair({ prefer: "b" })).toMatchObject({ written: 1, ambiguous: 0, failed: 0, clean: true });
  expect([await textAt(stores.a, "p"), await textAt(stores.b, "p")]).toEqual(["right", "right"]);
  const { etag: now } = await group.stat("p");
  expect(now).not.toBe(etag);
  await expect(group.write("p", "no", { ifMatch: etag as string })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
  await group.write("p", "two", { ifMatch: now as string });
});

test("objects older than the group that differ are brought together with prefer", async () => {
  const { stores, open } = setUp();
  await stores.a.write("p", "left");
  await stores.b.write("p", "right");
  await stores.b.write("only b", "kept");
  const group = open();
  expect(await group.repair()).toMatchObject({ ambiguous: 2, written: 0, clean: false });
  expect(await group.repair({ prefer: "a" })).toMatchObject({ written: 1, removed: 1, ambiguous: 0, clean: true });
  expect([await textAt(stores.b, "p"), await textAt(stores.b, "only b")]).toEqual(["left", undefined]);
  expect(await all(group.intents())).toEqual([]);
  expect(await group.repair({ prefer: "b" })).toMatchObject({ written: 0, removed: 0, clean: true });
});

test("with a member that does not answer nothing is decided", async () => {
  const { group, faults, stores } = setUp();
  await group.write("p", "one");
  await stores.a.delete("p");
  faults.add({ on: "stat", do: "fail" });
  expect(await group.repair()).toMatchObject({ written: 0, failed: 1, clean: false });
  expect(await all(group.intents())).toEqual([]);
  faults.clear();
  expect(await group.repair()).toMatchObject({ written: 1, clean: true });
});
