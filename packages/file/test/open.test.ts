import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { OmniError, open } from "@omni/core";
import { file } from "@omni/file";
import { freshRoot, listed, removeRoots } from "./root.ts";

afterAll(removeRoots);

test("a URL names the root, its query the options", async () => {
  const root = join(await freshRoot(), "a b%20#c");
  const url = pathToFileURL(root);
  url.searchParams.set("fsync", "off");
  url.searchParams.set("stage_ttl_ms", "60000");
  const backend = await open(url.href, { use: [file as never] });
  await backend.write("x", "1");
  expect(await (await file({ root }).read("x")).text()).toBe("1");
  const { expiresAt } = await backend.stage("y", "2");
  expect((expiresAt?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(60_000);
});

test("the older keys and snake_case are understood", async () => {
  const root = await freshRoot();
  const backend = await open("file", { use: [file as never], base_path: root, stage_ttl_ms: "5000" });
  expect(backend.driver.identity).toBe(file({ root }).driver.identity);
});

test.each([["file://server/share"], ["file:///a?fsync=maybe"], ["file:///a?rot=1"], ["file"]])("%s is refused", async (url) => {
  const error = await open(url, { use: [file as never] }).catch((reason: unknown) => reason);
  expect(OmniError.is(error, "INVALID_ARGUMENT")).toBe(true);
});

test("two names of one directory are one store, also before it is there", async () => {
  const root = await freshRoot();
  await mkdir(join(root, "real"));
  await symlink(join(root, "real"), join(root, "alias"));
  const identity = (path: string): string | undefined => file({ root: join(root, path) }).driver.identity;
  expect(identity("alias/data")).toBe(identity("real/data"));
  expect(identity("alias/data")).not.toBe(identity("real/date"));
});

test("construction and reading make nothing", async () => {
  const root = join(await freshRoot(), "none");
  const backend = file({ root });
  expect(await backend.exists("a")).toBe(false);
  expect(await listed(backend.list())).toEqual([]);
  await expect(backend.read("a")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(mkdir(root)).resolves.toBeUndefined();
});
