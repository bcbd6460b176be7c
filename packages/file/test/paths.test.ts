import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { comparePaths } from "@omni/core";
import { type FileBackend, file } from "@omni/file";
import { freshRoot, listed, removeRoots } from "./root.ts";

let root: string;
let backend: FileBackend;

beforeEach(async () => {
  root = await freshRoot();
  backend = file({ root, fsync: false });
});
afterAll(removeRoots);

const pathsOf = async (...given: Parameters<FileBackend["list"]>): Promise<string[]> =>
  (await listed(backend.list(...given))).map(({ path }) => path);

describe("names that the file system cannot hold", () => {
  test.each([
    ["a name of 256 bytes", "x".repeat(256), /256 bytes, a file system holds 255/],
    ["a name of 300 bytes in 100 characters", `d/${"€".repeat(100)}`, /300 bytes/],
    ["a temporary file's name", "d/.omni~x", /reserved/],
  ])("%s", async (_, path, message) => {
    await expect(backend.write(path, "x")).rejects.toMatchObject({ code: "INVALID_PATH", outcome: "not-applied" });
    await expect(backend.write(path, "x")).rejects.toThrow(message);
  });

  test("255 bytes are fine", async () => {
    const path = `${"x".repeat(255)}/${"€".repeat(85)}`;
    await backend.write(path, "x");
    expect(await pathsOf()).toEqual([path]);
  });

  test("an object below an object", async () => {
    await backend.write("a/b", "x");
    await expect(backend.write("a/b/c", "x")).rejects.toThrow('"a/b" is a file; a file system cannot hold an object below it');
    await expect(backend.mkdir("a/b")).rejects.toThrow("an object has this name");
    expect(await backend.exists("a/b/c")).toBe(false);
    await backend.delete("a/b/c");
    expect(await pathsOf()).toEqual(["a/b"]);
  });

  test("an object where a directory is", async () => {
    await backend.write("a/b", "x");
    for (const options of [{}, { ifNoneMatch: "*" as const }])
      await expect(backend.write("a", "x", options)).rejects.toThrow("a directory that is not empty has this name");
    expect(await backend.exists("a")).toBe(false);
    await expect(backend.read("a")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await backend.delete("a");
    expect(await pathsOf()).toEqual(["a/b"]);
    expect(await backend.sweepStale({ olderThanMs: 0 })).toEqual({ claims: 0, temporary: 0, staged: 0, sidecars: 0 });
  });
});

test("an empty directory gives way to an object", async () => {
  await backend.mkdir("a/b");
  await backend.write("a/b", "x");
  await backend.mkdir("c");
  await backend.write("c", "x", { ifNoneMatch: "*" });
  expect(await pathsOf()).toEqual(["a/b", "c"]);
});

test("directories that a deletion leaves empty go with it", async () => {
  await backend.write("a/b/c/d", "x");
  await backend.write("a/x", "x");
  await backend.delete("a/b/c/d");
  expect(await pathsOf("", { delimiter: "/" })).toEqual(["a/"]);
  expect(await pathsOf("a/", { delimiter: "/" })).toEqual(["a/x"]);
  await backend.delete("a/x");
  expect(await pathsOf("", { delimiter: "/" })).toEqual([]);
});

test("directories: made with their parents, shown only in groups, removed when empty", async () => {
  await backend.mkdir("a/b");
  await backend.mkdir("a/b");
  expect(await pathsOf()).toEqual([]);
  expect(await pathsOf("a/", { delimiter: "/" })).toEqual(["a/b/"]);
  await expect(backend.rmdir("a")).rejects.toMatchObject({
    code: "PRECONDITION_FAILED",
    message: expect.stringContaining("not empty"),
  });
  await backend.rmdir("a/b");
  await backend.rmdir("a/b");
  await backend.write("o", "x");
  await expect(backend.rmdir("o")).rejects.toMatchObject({ code: "INVALID_PATH" });
});

describe("order of a listing", () => {
  // Byte order of whole paths: "-" and "." come before "/", "0" after; UTF-16 order would put the emoji before the ligature.
  const paths = ["a!", "a-b", "a.txt", "a/", "a0", "ab", "b/c", "b/c-", "b/c.d/e", "b/c0", "é", "ﬀ/x", "😀"]
    .map((path) => (path.endsWith("/") ? `${path}z/y` : path))
    .sort(comparePaths);

  beforeEach(async () => {
    for (const path of [...paths].reverse()) await backend.write(path, "x");
  });

  test("is that of the bytes", async () => {
    const bytes = [...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await pathsOf()).toEqual(bytes);
    expect(bytes).toContain("a/z/y");
  });

  test("startAfter any place goes on where the whole would", async () => {
    for (const place of [...paths, "", "a", "a/", "a/z", "a/zz", "b", "b/c.", "b/c.d/", "~", "\u{10ffff}"])
      expect([place, await pathsOf("", { startAfter: place })]).toEqual([
        place,
        paths.filter((path) => comparePaths(path, place) > 0),
      ]);
  });

  test("prefixes are plain strings", async () => {
    for (const prefix of ["a", "a/", "a/z", "b/c", "b/c.", "b/c.d/", "b/c.d/e", "b/c.d/e/", "nothing/at/all", "é"])
      expect([prefix, await pathsOf(prefix)]).toEqual([prefix, paths.filter((path) => path.startsWith(prefix))]);
  });

  test.each(["/", "c", "."])("groups by %j as a filter over the whole would", async (delimiter) => {
    for (const prefix of ["", "a", "b/", "b/c"])
      for (const startAfter of ["", "a/", "a/z", "b/c", "b/c.d/"]) {
        const grouped = paths
          .filter((path) => path.startsWith(prefix))
          .map((path) => {
            const at = path.indexOf(delimiter, prefix.length);
            return at < 0 ? path : path.slice(0, at + delimiter.length);
          });
        const wanted = [...new Set(grouped)].filter((path) => comparePaths(path, startAfter) > 0);
        expect([prefix, startAfter, await pathsOf(prefix, { delimiter, startAfter })]).toEqual([prefix, startAfter, wanted]);
      }
  });
});

test("the reserved prefix holds records for those who may, and is hidden otherwise", async () => {
  const driver = backend.driver;
  await driver.write(".omni/journal/ab/1", Buffer.from("record"), { ifNoneMatch: "*" });
  await backend.write("x", "1");
  expect(await pathsOf()).toEqual(["x"]);
  expect((await listed(driver.list(".omni/journal/", {}))).map(({ path }) => path)).toEqual([".omni/journal/ab/1"]);
  expect((await listed(driver.list(".omni/", {}))).map(({ path }) => path)).toEqual([".omni/journal/ab/1"]);
  await expect(driver.read(".omni/meta/x", {})).rejects.toMatchObject({ code: "INVALID_PATH" });
});

test("a listing goes on when files and folders vanish under it", async () => {
  for (let i = 0; i < 200; i++) await backend.write(`d${i % 10}/${i}`, "x");
  const seen: string[] = [];
  for await (const { path } of backend.list("", { pageSize: 10 })) {
    seen.push(path);
    if (seen.length === 15) await backend.purge("d5/");
  }
  expect(seen.filter((path) => path.startsWith("d5/"))).toEqual([]);
  expect(seen).toHaveLength(180);
});

test("what is no file is no object", async () => {
  await mkdir(join(root, "d"));
  await writeFile(join(root, "d/f"), "x");
  await expect(backend.stat("d")).rejects.toMatchObject({ code: "NOT_FOUND" });
});
