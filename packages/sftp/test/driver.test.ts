import { execFile } from "node:child_process";
import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Backend, ObjectInfo } from "@omni/core";
import { describeWithServer } from "@omni/servers";
import { sourceFlags } from "../../../tools/bootstrap/toolchain.mjs";
import { optionsOf, Stores } from "./store.ts";

const run = promisify(execFile);

async function listed(store: Backend): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of store.list()) paths.push(path);
  return paths;
}

// The server is on this machine: the tests look at its files.
await describeWithServer("ssh", "objects and files", (current) => {
  const stores = new Stores(current);

  it("what is written is a plain file with its time; what is left of a write is nothing", async () => {
    const store = stores.fresh();
    const info = await store.write("deep/er/a b.txt", "hello", { modifiedAt: new Date("2003-04-05T06:07:08.900Z") });
    expect(info).toEqual({ path: "deep/er/a b.txt", size: 5, modifiedAt: new Date("2003-04-05T06:07:08Z") });
    const root = stores.rootOf(store);
    expect((await stat(join(root, "deep/er/a b.txt"))).mtime).toEqual(new Date("2003-04-05T06:07:08Z"));
    expect(await readdir(join(root, ".omni/tmp"))).toEqual([]);
    await store.close();
  });

  it("has the modes that were asked for", async () => {
    const store = stores.fresh({ fileMode: "0640", directoryMode: "750" });
    await store.write("folder/object", "x");
    const root = stores.rootOf(store);
    expect((await stat(join(root, "folder/object"))).mode & 0o777).toBe(0o640);
    expect((await stat(join(root, "folder"))).mode & 0o777).toBe(0o750);
    await store.close();
  });

  it("sees files of other programs, and neither links nor pipes, and waits for none", async () => {
    const store = stores.fresh();
    await store.write("object", "x");
    const root = stores.rootOf(store);
    await writeFile(join(root, "theirs"), "y");
    await symlink(join(root, "object"), join(root, "link"));
    await run("mkfifo", [join(root, "pipe")]);
    expect(await listed(store)).toEqual(["object", "theirs"]);
    expect(await (await store.read("theirs")).text()).toBe("y");
    for (const path of ["link", "pipe"]) {
      expect(await store.exists(path)).toBe(false);
      await expect(store.read(path)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await store.close();
  });

  it("does not follow links out of the root, in whatever call", async () => {
    const [store, outside] = [stores.fresh(), stores.fresh()];
    await store.write("object", "x");
    await outside.write("secret", "s");
    await symlink(stores.rootOf(outside), join(stores.rootOf(store), "way"));
    const calls: readonly (() => Promise<unknown>)[] = [
      () => store.read("way/secret"),
      () => store.stat("way/secret"),
      () => store.write("way/secret", "y"),
      () => store.write("way/new", "y", { ifNoneMatch: "*" }),
      () => store.stage("way/new", "y"),
      () => store.delete("way/secret"),
      () => store.move("object", "way/new"),
      () => store.move("way/secret", "mine"),
      () => store.setMetadata("way/secret", { modifiedAt: new Date(0) }),
      () => store.mkdir("way/new"),
      () => store.rmdir("way/new"),
      async () => {
        for await (const { path } of store.list("way/")) throw new Error(`listed ${path}`);
      },
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "INVALID_PATH" });
    expect(await listed(outside)).toEqual(["secret"]);
    expect(await (await outside.read("secret")).text()).toBe("s");
    await Promise.all([store.close(), outside.close()]);
  });

  it("may have a link as its root", async () => {
    const store = stores.fresh();
    await store.write("a/object", "x");
    const link = `${stores.rootOf(store)}-link`;
    await symlink(stores.rootOf(store), link);
    const linked = stores.fresh({ root: link });
    expect(await (await linked.read("a/object")).text()).toBe("x");
    await Promise.all([store.close(), linked.close()]);
  });

  it("refuses what a file system cannot hold, and says what is in the way", async () => {
    const store = stores.fresh();
    await store.write("a", "x");
    await store.write("folder/b", "x");
    await expect(store.write("a/b", "y")).rejects.toThrow(/"a" is a file/);
    await expect(store.write("folder", "y")).rejects.toThrow(/a directory that is not empty has this name/);
    await expect(store.write("folder", "y", { ifNoneMatch: "*" })).rejects.toMatchObject({ code: "INVALID_PATH" });
    await expect(store.move("a", "folder")).rejects.toMatchObject({ code: "INVALID_PATH" });
    await expect(store.mkdir("a")).rejects.toThrow(/an object has this name/);
    await expect(store.write("n".repeat(256), "y")).rejects.toThrow(/256 bytes/);
    await expect(store.rmdir("folder")).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
    await expect(store.rmdir("a")).rejects.toMatchObject({ code: "INVALID_PATH" });
    expect(await listed(store)).toEqual(["a", "folder/b"]);
    await mkdir(join(stores.rootOf(store), "empty"));
    await store.write("empty", "an empty directory holds no object");
    await expect(store.write("a", "x", { modifiedAt: new Date("1969-12-31") })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await store.close();
  });

  it("keeps a token to its path, and takes no other for one", async () => {
    const store = stores.fresh();
    const { token } = await store.stage("object", "x");
    for (const [path, wrong] of [
      ["other", token],
      ["object", `${token}x`],
      ["object", "../../object"],
      ["object", ""],
    ] as const) {
      const staged = await store.resumeStage(path, wrong).catch((error: { code: string }) => error.code);
      expect(typeof staged === "string" ? staged : staged.state).toMatch(/^(?:gone|INVALID_ARGUMENT)$/);
    }
    expect((await store.resumeStage("object", token)).state).toBe("staged");
    await store.close();
  });

  it("holds the condition of a staged write, also for whoever resumes it", async () => {
    const store = stores.fresh();
    const { token } = await store.stage("object", "staged", { ifNoneMatch: "*" });
    await store.write("object", "was faster");
    const other = stores.again(store);
    await expect((await other.resumeStage("object", token)).commit()).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await store.delete("object");
    await (await other.resumeStage("object", token)).commit();
    expect(await (await store.read("object")).text()).toBe("staged");
    await Promise.all([store.close(), other.close()]);
  });

  it("is swept of what is left, but for what is kept or young", async () => {
    const store = stores.fresh();
    const [kept, gone, used] = await Promise.all(["a", "b", "c"].map((path) => store.stage(path, path)));
    await used?.commit();
    await mkdir(join(stores.rootOf(store), ".omni/tmp"));
    await writeFile(join(stores.rootOf(store), ".omni/tmp", `${(1).toString(36)}-${crypto.randomUUID()}`), "left by a crash");
    await writeFile(join(stores.rootOf(store), ".omni/tmp/theirs"), "not ours");
    expect(await store.sweepStale()).toEqual({ temporary: 1, staged: 0, notes: 0 });
    expect(await store.sweepStale({ olderThanMs: 0, keepTokens: [kept?.token ?? ""] })).toEqual({
      temporary: 0,
      staged: 1,
      notes: 1,
    });
    await expect(gone?.commit()).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await store.sweepStale({ olderThanMs: 0, keepTokens: [kept?.token ?? ""] })).toEqual({
      temporary: 0,
      staged: 0,
      notes: 1,
    });
    await kept?.commit();
    expect(await listed(store)).toEqual(["a", "c"]);
    expect(await readdir(join(stores.rootOf(store), ".omni/tmp"))).toEqual(["theirs"]);
    await store.close();
  });

  it("lets a process end that does not close it", async () => {
    const options = { ...optionsOf(current()), root: stores.rootOf(stores.fresh()) };
    const program = `import { sftp } from "@omni/sftp";
      const store = sftp(${JSON.stringify(options)});
      await store.write("object", "x");
      console.log((await store.stat("object")).size);`;
    const line = [...sourceFlags(), "--input-type=module", "-e", program];
    const { stdout } = await run(process.execPath, line, {
      cwd: join(import.meta.dirname, "../../.."),
      timeout: 25_000,
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    expect(stdout).toBe("1\n");
  });

  it("lists a folder once it is asked for, not before", async () => {
    const store = stores.fresh();
    for (const path of ["a/1", "b/1", "c/1"]) await store.write(path, "x");
    const seen: ObjectInfo[] = [];
    for await (const info of store.list()) {
      seen.push(info);
      // What is changed in a folder that was not reached yet is seen.
      if (seen.length === 1) await store.write("c/2", "y");
    }
    expect(seen.map(({ path }) => path)).toEqual(["a/1", "b/1", "c/1", "c/2"]);
    await store.close();
  });
});
