import { access, readdir, rename, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileBackend, file } from "@omni/file";
import { OWNER } from "../src/owner.ts";
import { endProcesses, TestProcess } from "./process.ts";
import { freshRoot, listed, removeRoots } from "./root.ts";

let root: string;
let backend: FileBackend;
const nothing = { claims: 0, temporary: 0, staged: 0, sidecars: 0 };
const DEAD = `${OWNER.split("-")[0]}-4194303-1-dead`;

beforeEach(async () => {
  root = await freshRoot();
  backend = file({ root, fsync: false });
  await backend.write("kept", "x", { metadata: { kept: "yes" } });
});
afterEach(endProcesses);
afterAll(removeRoots);

const leftIn = async (kind: string): Promise<string[]> =>
  (await readdir(join(root, ".omni", kind), { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory() && entry.name !== "swept")
    .map((entry) => entry.name);

test("a store in use has nothing to sweep", async () => {
  const writer = backend.createWriter("under/way");
  await writer.write("first half, ");
  const reports = [await backend.sweepStale({ olderThanMs: 0 }), await backend.sweepStale()];
  expect(reports).toEqual([nothing, nothing]);
  await writer.write("second half");
  await writer.close();
  expect(await (await backend.read("under/way")).text()).toBe("first half, second half");
  expect((await backend.stat("kept")).metadata).toEqual({ kept: "yes" });
});

test("temporary files of dead processes go when they are old enough", async () => {
  const name = join(root, ".omni/tmp", `some-id.${DEAD}`);
  await writeFile(name, "half");
  expect(await backend.sweepStale()).toEqual(nothing);
  expect(await backend.sweepStale({ olderThanMs: 0 })).toEqual({ ...nothing, temporary: 1 });
  await expect(access(name)).rejects.toMatchObject({ code: "ENOENT" });
});

test("temporary files of another machine go by their age alone", async () => {
  await writeFile(join(root, ".omni/tmp", "some-id.000000000000-1-1-x"), "half");
  expect(await backend.sweepStale({ olderThanMs: 60_000 })).toEqual(nothing);
  expect(await backend.sweepStale({ olderThanMs: 0 })).toEqual({ ...nothing, temporary: 1 });
});

test("staged writes go by their age, those named stay; their sidecars go with them", async () => {
  const owner = new TestProcess("./worker.ts", "stage", root);
  const token = await owner.line();
  await owner.kill();
  expect(await backend.sweepStale()).toEqual(nothing);
  expect(await backend.sweepStale({ olderThanMs: 0, keepTokens: [token] })).toEqual(nothing);
  expect((await backend.resumeStage("staged", token)).state).toBe("staged");
  expect(await backend.sweepStale({ olderThanMs: 0 })).toEqual({ ...nothing, staged: 1, sidecars: 1 });
  const resumed = await backend.resumeStage("staged", token);
  expect(resumed.state).toBe("gone");
  await expect(resumed.commit()).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await leftIn("stage")).toEqual([]);
});

test("sidecars of objects that another program deleted, moved or replaced go", async () => {
  for (const name of ["deleted", "moved", "replaced"]) await backend.write(name, "x");
  await unlink(join(root, "deleted"));
  await rename(join(root, "moved"), join(root, "moved-away"));
  await writeFile(join(root, "new"), "y");
  await rename(join(root, "new"), join(root, "replaced"));
  expect(await backend.sweepStale({ olderThanMs: 60_000 })).toEqual(nothing);
  expect(await backend.sweepStale({ olderThanMs: 0 })).toEqual({ ...nothing, sidecars: 3 });
  expect(await leftIn("meta")).toHaveLength(1);
  expect((await backend.stat("kept")).metadata).toEqual({ kept: "yes" });
});

test("claims of dead processes are ended; a staged file that one held is staged again", async () => {
  const { token } = await backend.stage("later", "bytes");
  await backend.close();
  const [sidecar = ""] = (await leftIn("meta")).filter((name) => !name.startsWith("kept"));
  const key = (await import("node:crypto")).hash("sha256", "later", "hex").slice(0, 32);
  expect(sidecar).not.toBe("");
  await rename(join(root, ".omni/stage", token), join(root, ".omni/claim", key[0] as string, `${key}.s.${token}.${DEAD}`));
  const again = file({ root, fsync: false });
  expect(await again.sweepStale({ olderThanMs: 0, keepTokens: [token] })).toEqual({ ...nothing, claims: 1 });
  expect(await leftIn("stage")).toEqual([token]);
  expect((await again.resumeStage("later", token)).state).toBe("staged");
});

test("the first change of a process sweeps in the background, at most once an hour", async () => {
  const old = join(root, ".omni/tmp", `old.${DEAD}`);
  const lines: unknown[] = [];
  const logger = {
    debug: (details: unknown) => lines.push(details),
    info() {},
    warn: (details: unknown) => lines.push(details),
    error() {},
  };
  const change = async (): Promise<void> => {
    const other = file({ root, fsync: false, sweepAfterMs: 1, logger });
    await other.write("change", "x");
    await other.close();
  };
  await writeFile(old, "half");
  await new Promise((resolve) => setTimeout(resolve, 20));
  await change();
  await access(old); // swept less than an hour ago
  await utimes(join(root, ".omni/tmp/swept"), 1, 1);
  await change();
  await expect(access(old)).rejects.toMatchObject({ code: "ENOENT" });
  expect(lines).toEqual([expect.objectContaining({ temporary: 1 })]);
});

test("an abort ends a sweep", async () => {
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await backend.stage("x", "y");
  await expect(backend.sweepStale({ signal: controller.signal })).rejects.toThrow("enough");
  expect(await listed(backend.list())).toHaveLength(1);
});
