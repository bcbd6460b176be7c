// A listing looks at its files a page at a time, at once or through the thread pool: both must see the same.
import { mkdir, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { file } from "@omni/file";
import { Layout } from "../src/layout.ts";
import { PageLook } from "../src/looking.ts";
import { freshRoot, listed, removeRoots } from "./root.ts";

afterAll(removeRoots);

const PATIENCE = [
  ["at once", 60_000],
  ["through the thread pool", 0],
] as const;

test.each(PATIENCE)("a page of a folder that Omni never wrote to is seen %s", async (_, patienceMs) => {
  const root = await freshRoot();
  await mkdir(join(root, "in"));
  await writeFile(join(root, "in/a"), "alpha");
  await utimes(join(root, "in/a"), 5, 5);
  const layout = new Layout(root, false);
  await layout.exists();
  const infos = await new PageLook(layout, patienceMs).infos(["in/a", "in/gone", "in/a/below"]);
  expect(infos).toEqual([await file({ root }).stat("in/a"), undefined, undefined]);
  expect(infos[0]).toMatchObject({ path: "in/a", size: 5, modifiedAt: new Date(5_000) });
});

test.each(PATIENCE)("a page with files of Omni's, of others, and changed since is seen %s", async (_, patienceMs) => {
  const root = await freshRoot();
  const backend = file({ root, fsync: false });
  const metadata = { long: "x".repeat(2_000) };
  await backend.write("short", "1", { contentType: "text/own", modifiedAt: new Date(7_000) });
  await backend.write("long", "2", { metadata });
  await backend.write("changed", "3", { contentType: "text/own" });
  await writeFile(join(root, "changed"), "theirs");
  await writeFile(join(root, "theirs"), "4");
  await backend.write("gone", "5");
  await unlink(join(root, "gone"));
  const layout = new Layout(root, false);
  await layout.exists();
  const infos = await new PageLook(layout, patienceMs).infos(["short", "long", "changed", "theirs", "gone"]);
  const expected = await Promise.all(["short", "long", "changed", "theirs"].map((path) => backend.stat(path)));
  expect(infos).toEqual([...expected, undefined]);
  expect(infos[0]).toMatchObject({ contentType: "text/own", modifiedAt: new Date(7_000) });
  expect(infos[1]).toMatchObject({ metadata });
  expect(infos[2]?.contentType).toBeUndefined();
});

test("a listing that began before Omni's first write shows what that write left beside the bytes", async () => {
  const root = await freshRoot();
  for (let number = 0; number < 200; number++) await writeFile(join(root, `theirs-${String(number).padStart(3, "0")}`), "x");
  await writeFile(join(root, "z"), "old");
  const backend = file({ root, fsync: false });
  const entries = backend.list()[Symbol.asyncIterator]();
  expect((await entries.next()).value).toMatchObject({ path: "theirs-000" });
  const written = await backend.write("z", "new", { metadata: { by: "Omni" } });
  const rest = await listed({ [Symbol.asyncIterator]: () => entries });
  expect(rest.length).toBe(200);
  expect(rest.at(-1)).toMatchObject({ path: "z", etag: written.etag, metadata: { by: "Omni" } });
});
