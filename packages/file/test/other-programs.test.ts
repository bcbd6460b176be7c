// What other programs see, and what Omni makes of what they do.
import {
  appendFile,
  chmod,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import type { Backend } from "@omni/core";
import { file } from "@omni/file";
import { freshRoot, listed, removeRoots } from "./root.ts";

let root: string;
let backend: Backend;

beforeEach(async () => {
  root = await freshRoot();
  backend = file({ root, fsync: false });
});
afterAll(removeRoots);

const options = { contentType: "text/x-own", metadata: { own: "yes" }, stamp: { id: "w1" } };
const pathsOf = async (): Promise<string[]> => (await listed(backend.list())).map(({ path }) => path);

test("an object is a plain file with the object's bytes and time", async () => {
  const modifiedAt = new Date(1_500_000_000_123);
  await backend.write("a/b.txt", "hello", { ...options, modifiedAt });
  expect(await readFile(join(root, "a/b.txt"), "utf8")).toBe("hello");
  expect(Math.abs((await stat(join(root, "a/b.txt"))).mtimeMs - modifiedAt.getTime())).toBeLessThan(1);
  expect((await readdir(root)).sort()).toEqual([".omni", "a"]);
});

test("a file of another program is an object without metadata", async () => {
  await mkdir(join(root, "in"));
  await writeFile(join(root, "in/file.txt"), "theirs");
  const info = await backend.stat("in/file.txt");
  expect(info).toMatchObject({ path: "in/file.txt", size: 6 });
  expect(info.metadata).toBeUndefined();
  expect(await (await backend.read("in/file.txt")).text()).toBe("theirs");
  expect(await pathsOf()).toEqual(["in/file.txt"]);
  await expect(backend.write("in/file.txt", "x", { ifNoneMatch: "*" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await backend.write("in/file.txt", "ours", { ifMatch: info.etag });
  await expect(backend.write("in/file.txt", "x", { ifMatch: info.etag })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
});

test.each<[string, (name: string) => Promise<void>]>([
  ["appended to", (name) => appendFile(name, "!")],
  ["overwritten in place", (name) => writeFile(name, "HELLO")],
  ["replaced by a rename", (name) => writeFile(`${name}.new`, "hello").then(() => rename(`${name}.new`, name))],
  ["deleted and made anew", (name) => unlink(name).then(() => writeFile(name, "hello"))],
])("an object that another program has %s loses its metadata and changes its etag", async (_, change) => {
  const { etag } = await backend.write("a", "hello", options);
  await change(join(root, "a"));
  const info = await backend.stat("a");
  expect(info.etag).not.toBe(etag);
  expect(info).toMatchObject({ path: "a" });
  expect(info.metadata).toBeUndefined();
  expect(info.stamp).toBeUndefined();
  await expect(backend.delete("a", { ifMatch: etag })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
});

test.each<[string, (name: string) => Promise<void>]>([
  ["given other permissions", (name) => chmod(name, 0o600)],
  ["linked to elsewhere", (name) => link(name, `${name}.backup`)],
  ["read", async (name) => void (await readFile(name))],
])("an object that another program has %s keeps its metadata", async (_, change) => {
  const before = await backend.write("a", "hello", options);
  await change(join(root, "a"));
  expect(await backend.stat("a")).toMatchObject({ etag: before.etag, metadata: { own: "yes" }, stamp: { id: "w1" } });
});

test("a file that another program moved elsewhere is an object without metadata there", async () => {
  await backend.write("a", "hello", options);
  await rename(join(root, "a"), join(root, "b"));
  expect(await pathsOf()).toEqual(["b"]);
  expect((await backend.stat("b")).metadata).toBeUndefined();
});

test("a file of another program is moved, its inode and time kept", async () => {
  await writeFile(join(root, "a"), "theirs");
  await utimes(join(root, "a"), 1_400_000_000, 1_400_000_000);
  const { ino } = await stat(join(root, "a"));
  await backend.move("a", "in/b", { timeoutMs: 30_000 });
  expect(await pathsOf()).toEqual(["in/b"]);
  expect(await readFile(join(root, "in/b"), "utf8")).toBe("theirs");
  expect(await stat(join(root, "in/b"))).toMatchObject({ ino, mtimeMs: 1_400_000_000_000 });
});

test("setMetadata gives a file of another program metadata, and keeps its bytes and place", async () => {
  await writeFile(join(root, "a"), "theirs");
  const { ino } = await stat(join(root, "a"));
  const modifiedAt = new Date(1_400_000_000_000);
  const info = await backend.setMetadata("a", { contentType: "text/x-theirs", modifiedAt });
  expect(await backend.stat("a")).toEqual(info);
  expect(info).toMatchObject({ contentType: "text/x-theirs", modifiedAt });
  expect((await stat(join(root, "a"))).ino).toBe(ino);
  expect((await stat(join(root, "a"))).mtimeMs).toBe(modifiedAt.getTime());
});

test("a touched object loses its metadata: its bytes may have changed", async () => {
  await backend.write("a", "hello", options);
  await utimes(join(root, "a"), 5, 5);
  expect((await backend.stat("a")).metadata).toBeUndefined();
  expect((await backend.stat("a")).modifiedAt).toEqual(new Date(5000));
});

describe("symbolic links", () => {
  beforeEach(async () => {
    await writeFile(`${root}.outside`, "secret");
    await mkdir(`${root}.folder`);
    await writeFile(`${root}.folder/secret`, "secret");
    await writeFile(join(root, "plain"), "plain");
    await symlink(`${root}.outside`, join(root, "file-link"));
    await symlink(`${root}.folder`, join(root, "folder-link"));
    await symlink(join(root, "plain"), join(root, "inner-link"));
  });
  afterEach(async () => {
    await rm(`${root}.outside`);
    await rm(`${root}.folder`, { recursive: true });
  });

  test.each(["file-link", "inner-link", "folder-link/secret", "folder-link/new"])(
    "%s is refused, whatever is asked",
    async (path) => {
      const refused = { code: "INVALID_PATH", message: expect.stringContaining("symbolic link") };
      await expect(backend.read(path)).rejects.toMatchObject(refused);
      await expect(backend.stat(path)).rejects.toMatchObject(refused);
      await expect(backend.write(path, "x")).rejects.toMatchObject(refused);
      await expect(backend.write(path, "x", { ifNoneMatch: "*" })).rejects.toMatchObject(refused);
      await expect(backend.delete(path)).rejects.toMatchObject(refused);
      await expect(backend.copy("plain", path)).rejects.toMatchObject(refused);
      await expect(backend.move(path, "elsewhere")).rejects.toMatchObject(refused);
      await expect(backend.mkdir(`${path}/x`)).rejects.toMatchObject({ code: "INVALID_PATH" });
      expect(await readFile(`${root}.outside`, "utf8")).toBe("secret");
      expect(await readdir(`${root}.folder`)).toEqual(["secret"]);
    },
  );

  test("none is listed or entered", async () => {
    expect(await pathsOf()).toEqual(["plain"]);
    await expect(listed(backend.list("folder-link/"))).rejects.toMatchObject({ code: "INVALID_PATH" });
    expect(await listed(backend.list("", { delimiter: "/" }))).toHaveLength(1);
  });

  test("a root that is one is followed", async () => {
    const through = file({ root: join(root, "folder-link"), fsync: false });
    expect(await (await through.read("secret")).text()).toBe("secret");
  });
});
