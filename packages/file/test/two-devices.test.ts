// A folder of the root on another device: files wait beside their places there. The device is said, not mounted, so that this runs everywhere.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Backend, createBackend } from "@omni/core";
import { storageKit } from "@omni/core/testing";
import { fileDriver } from "../src/driver.ts";
import { withDefaults } from "../src/options.ts";
import { freshRoot, listed, removeRoots } from "./root.ts";

let root: string;

afterAll(removeRoots);

function open(at: string, elsewhere: (directory: string) => boolean): Backend<ReturnType<typeof fileDriver>> {
  const deviceOf = async (directory: string): Promise<bigint> => (elsewhere(directory) ? 1n : (await stat(directory)).dev);
  return createBackend(fileDriver(withDefaults({ root: at, fsync: false }), { deviceOf }));
}

async function stat(directory: string): Promise<{ dev: bigint }> {
  const { lstat } = await import("node:fs/promises");
  return lstat(directory, { bigint: true });
}

describe("one folder of two", () => {
  let backend: ReturnType<typeof open>;

  beforeEach(async () => {
    root = await freshRoot();
    backend = open(root, (directory) => directory.endsWith("/mounted"));
    await backend.write("mounted/x", "first", { metadata: { n: "1" } });
  });

  test("files wait beside their places, are not listed, and cannot be named", async () => {
    const staged = await backend.stage("mounted/y", "staged");
    expect(await readdir(join(root, "mounted"))).toEqual([`.omni~${staged.token}.stage`, "x"]);
    expect((await listed(backend.list())).map(({ path }) => path)).toEqual(["mounted/x"]);
    expect((await backend.resumeStage("mounted/y", staged.token)).state).toBe("staged");
    await staged.commit();
    expect(await readdir(join(root, "mounted"))).toEqual(["x", "y"]);
    await expect(backend.stat(`mounted/.omni~${staged.token}.stage`)).rejects.toMatchObject({ code: "INVALID_PATH" });
  });

  test("conditions, deletion and moves to and from it hold", async () => {
    const { etag } = await backend.write("mounted/x", "second", { ifMatch: (await backend.stat("mounted/x")).etag });
    await expect(backend.write("mounted/x", "third", { ifNoneMatch: "*" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await backend.move("mounted/x", "plain/x");
    await backend.write("plain/y", "y", { metadata: { n: "2" } });
    await backend.move("plain/y", "mounted/y");
    expect((await listed(backend.list())).map(({ path }) => path)).toEqual(["mounted/y", "plain/x"]);
    expect((await backend.stat("mounted/y")).metadata).toEqual({ n: "2" });
    await expect(backend.delete("mounted/y", { ifMatch: etag })).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
    await backend.delete("mounted/y");
    expect(await readdir(root)).toEqual([".omni", "plain"]);
  });

  test("a sweep finds what waits beside", async () => {
    await backend.stage("mounted/y", "staged");
    const sweep = await backend.driver.sweepStale({ olderThanMs: 0 });
    expect(sweep).toEqual({ claims: 0, temporary: 0, staged: 1, sidecars: 1 });
    expect(await readdir(join(root, "mounted"))).toEqual(["x"]);
  });
});

// The kit's own promises, with every place on the other device.
const roots = new WeakMap<Backend["driver"], string>();
const make = (at: string): Backend => {
  const backend = open(at, (directory) => !directory.includes(".omni"));
  roots.set(backend.driver, at);
  return backend;
};
storageKit(
  "file on another device",
  async () => make(await freshRoot()),
  { describe, test, expect },
  {
    reopen: (backend) => make(roots.get(backend.driver) as string),
    known: { "weird keys: an object and objects below its name": "a file system cannot hold both" },
  },
);
