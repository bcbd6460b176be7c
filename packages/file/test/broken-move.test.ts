// A move that is broken off between its two steps leaves one inode with two paths.
import { writeFile } from "node:fs/promises";
import { file } from "@omni/file";
import { claim, disarm, homeOf, newItem } from "../src/claim.ts";
import { Layout } from "../src/layout.ts";
import { freshRoot, removeRoots } from "./root.ts";

afterAll(removeRoots);

test("what is changed at one path then does not touch the other", async () => {
  const root = await freshRoot();
  const store = file({ root, fsync: false });
  await store.write("from", "bytes", { metadata: { id: "1" }, contentType: "text/x-one" });
  const layout = new Layout(root, false);
  await layout.ready();
  // Somebody holds the source, so that the move gets no further than its first step.
  const rival = newItem(layout.place("from"), "write", "0000-rival", false);
  await writeFile(homeOf(layout, rival), "never published");
  await claim(layout, rival);
  const controller = new AbortController();
  const moving = store.move("from", "to", { signal: controller.signal }).catch((error: unknown) => error);
  while (!(await store.exists("to"))) await new Promise(setImmediate);
  controller.abort(new Error("killed"));
  expect(await moving).toMatchObject({ message: "killed" });
  await disarm(layout, rival);

  await store.setMetadata("from", { metadata: { id: "2" }, modifiedAt: new Date("2001-01-01") });
  expect(await store.stat("from")).toMatchObject({ metadata: { id: "2" }, modifiedAt: new Date("2001-01-01") });
  expect(await store.stat("to")).toMatchObject({ metadata: { id: "1" }, contentType: "text/x-one" });
  await store.write("from", "other bytes");
  expect(await (await store.read("to")).text()).toBe("bytes");
  await store.delete("from");
  expect((await store.stat("to")).metadata).toEqual({ id: "1" });
});
