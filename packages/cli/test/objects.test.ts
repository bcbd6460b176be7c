import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bareEnvironment, linesOf, OMNI, objectsOf, omni, withDirectory } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

async function tree(cwd: string): Promise<void> {
  await mkdir(join(cwd, "data/in/deep"), { recursive: true });
  await writeFile(join(cwd, "data/a.txt"), "alpha");
  await writeFile(join(cwd, "data/in/b.txt"), "beta!");
  await writeFile(join(cwd, "data/in/deep/c.bin"), Buffer.alloc(2048, 7));
  await utimes(join(cwd, "data/a.txt"), 1_700_000_000, 1_700_000_000);
}

describe("reading commands", () => {
  test(
    "ls shows one level, everything, sizes and times, and JSON lines",
    () =>
      withDirectory(async (cwd) => {
        await tree(cwd);
        const [level, all, long, json, one] = await Promise.all([
          omni(["ls", "data"], { cwd }),
          omni(["ls", "-R", "./data/"], { cwd }),
          omni(["ls", "-l", `file://${cwd}/data`], { cwd }),
          omni(["ls", "-R", "--json", "data/in"], { cwd }),
          omni(["ls", "data/in/b.txt"], { cwd }),
        ]);
        expect(linesOf(level.stdout)).toEqual(["a.txt", "in/"]);
        expect(linesOf(all.stdout)).toEqual(["a.txt", "in/b.txt", "in/deep/c.bin"]);
        expect(linesOf(long.stdout)).toEqual([
          "             5  2023-11-14 22:13:20  a.txt",
          "             -                       in/",
        ]);
        expect(objectsOf(json.stdout).map(({ path, size }) => [path, size])).toEqual([
          ["b.txt", 5],
          ["deep/c.bin", 2048],
        ]);
        expect(one).toEqual({ code: 0, stdout: "b.txt\n", stderr: "" });
      }),
    TIME_MS,
  );

  test(
    "cat gives bytes as they are, and parts of them",
    () =>
      withDirectory(async (cwd) => {
        await tree(cwd);
        const [both, part, none] = await Promise.all([
          omni(["cat", "data/a.txt", "data/in/b.txt"], { cwd }),
          omni(["cat", "--offset", "1b", "--count", "3b", "data/a.txt"], { cwd }),
          omni(["cat", "data/none"], { cwd }),
        ]);
        expect(both.stdout).toBe("alphabeta!");
        expect(part.stdout).toBe("lph");
        expect([none.code, none.stdout]).toEqual([6, ""]);
        expect(none.stderr).toMatch(/^omni: file read "none": not found\n$/);
      }),
    TIME_MS,
  );

  test(
    "stat, tree and du",
    () =>
      withDirectory(async (cwd) => {
        await tree(cwd);
        const [facts, shape, sums] = await Promise.all([
          omni(["stat", "data/a.txt", "--json"], { cwd }),
          omni(["tree", "data"], { cwd }),
          omni(["du", "data", "-d", "2", "--json"], { cwd }),
        ]);
        expect(objectsOf(facts.stdout)[0]).toMatchObject({ path: "a.txt", size: 5, modifiedAt: "2023-11-14T22:13:20.000Z" });
        expect(linesOf(shape.stdout).slice(1)).toEqual([
          "├── a.txt",
          "└── in/",
          "    ├── b.txt",
          "    └── deep/",
          "        └── c.bin",
          "",
          "2 folders, 3 objects, 2 KiB",
        ]);
        expect(objectsOf(sums.stdout)).toEqual([
          { path: "in/", isTotal: false, objects: 2, bytes: 2053 },
          { path: "in/deep/", isTotal: false, objects: 1, bytes: 2048 },
          { path: ".", isTotal: true, objects: 3, bytes: 2058 },
        ]);
      }),
    TIME_MS,
  );

  test(
    "a reader that goes away ends a listing quietly",
    () =>
      withDirectory(async (cwd) => {
        await mkdir(join(cwd, "many"));
        await Promise.all(Array.from({ length: 3_000 }, (_, i) => writeFile(join(cwd, "many", `${"n".repeat(60)}-${i}`), "")));
        const [node = "", ...flags] = OMNI;
        const child = spawn(node, [...flags, "ls", "many"], { cwd, env: bareEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
        let messages = "";
        child.stderr.setEncoding("utf8").on("data", (text: string) => {
          messages += text;
        });
        child.stdout.once("data", () => child.stdout.destroy());
        const [code] = (await once(child, "close")) as [number];
        expect([code, messages]).toEqual([141, ""]);
      }),
    TIME_MS,
  );
});

describe("changing commands", () => {
  test(
    "put uploads files and stdin; get downloads whole files, with their time, and replaces nothing unasked",
    () =>
      withDirectory(async (cwd) => {
        await tree(cwd);
        const put = await omni(["put", "data/a.txt", "data/in/b.txt", "./store/in/", "--metadata", "by=me"], { cwd });
        expect([put.code, linesOf(put.stdout)]).toEqual([0, [`+ file://${cwd}/store/in/a.txt`, `+ file://${cwd}/store/in/b.txt`]]);
        const piped = await omni(["put", "-", "store/piped", "--content-type", "text/x-own"], { cwd, input: "from a pipe" });
        expect(piped.code).toBe(0);
        const [facts] = objectsOf((await omni(["stat", "--json", "store/piped"], { cwd })).stdout);
        expect(facts).toMatchObject({ size: 11, contentType: "text/x-own" });

        const got = await omni(["get", "store/in/a.txt"], { cwd });
        expect([got.code, await readFile(join(cwd, "a.txt"), "utf8")]).toEqual([0, "alpha"]);
        expect((await stat(join(cwd, "a.txt"))).mtimeMs).toBe(1_700_000_000_000);
        const again = await omni(["get", "store/in/b.txt", "a.txt"], { cwd });
        expect([again.code, again.stderr]).toEqual([4, `omni: "${cwd}/a.txt" exists; give --force to replace it\n`]);
        expect((await omni(["get", "store/in/b.txt", "a.txt", "--force"], { cwd })).code).toBe(0);
        expect(await readFile(join(cwd, "a.txt"), "utf8")).toBe("beta!");
        expect((await omni(["get", "store/piped", "-"], { cwd })).stdout).toBe("from a pipe");
        expect((await readdir(cwd)).sort()).toEqual(["a.txt", "data", "store"]);
      }),
    TIME_MS,
  );

  test(
    "cp and mv keep what they carry; several sources need a folder",
    () =>
      withDirectory(async (cwd) => {
        await tree(cwd);
        expect((await omni(["cp", "data/a.txt", "data/in/b.txt", "copy/"], { cwd })).code).toBe(0);
        expect(await readFile(join(cwd, "copy/b.txt"), "utf8")).toBe("beta!");
        expect((await omni(["mv", "copy/b.txt", "copy/moved.txt"], { cwd })).code).toBe(0);
        expect([existsSync(join(cwd, "copy/b.txt")), existsSync(join(cwd, "copy/moved.txt"))]).toEqual([false, true]);
        const taken = await omni(["cp", "--if-absent", "data/a.txt", "copy/moved.txt"], { cwd });
        expect(taken.code).toBe(4);
        const wrong = await omni(["cp", "data/a.txt", "data/in/b.txt", "copy/x"], { cwd });
        expect([wrong.code, wrong.stderr]).toEqual([64, 'omni: 2 sources need a folder to go to; end "copy/x" in "/"\n']);
      }),
    TIME_MS,
  );

  test(
    "rm deletes an object, a folder only with --recursive and --yes, and says what is missing",
    () =>
      withDirectory(async (cwd) => {
        await tree(cwd);
        const folder = await omni(["rm", "data/"], { cwd });
        expect([folder.code, folder.stderr]).toEqual([64, 'omni: "data/" is a folder; give --recursive to delete what is in it\n']);
        const refused = await omni(["rm", "-r", "data/in"], { cwd });
        expect(refused.code).toBe(5);
        expect(refused.stderr).toMatch(/this would delete 2 objects \(2 KiB\) below file:.*give --yes/);
        const dry = await omni(["rm", "-r", "--dry-run", "data/in/"], { cwd });
        expect([dry.code, linesOf(dry.stdout)]).toEqual([0, ["- b.txt", "- deep/c.bin"]]);
        expect(existsSync(join(cwd, "data/in/b.txt"))).toBe(true);
        expect((await omni(["rm", "-r", "-y", "data/in"], { cwd })).code).toBe(0);
        expect(existsSync(join(cwd, "data/in/b.txt"))).toBe(false);
        expect((await omni(["rm", "data/a.txt"], { cwd })).stdout).toBe(`- file://${cwd}/data/a.txt\n`);
        const missing = await omni(["rm", "data/a.txt"], { cwd });
        expect([missing.code, missing.stderr]).toEqual([6, 'omni: nothing is at "data/a.txt"\n']);
        expect((await omni(["rm", "-f", "data/a.txt"], { cwd })).code).toBe(0);
      }),
    TIME_MS,
  );

  test(
    "mkdir and rmdir, where the store has folders",
    () =>
      withDirectory(async (cwd) => {
        expect((await omni(["mkdir", "new/folder"], { cwd })).code).toBe(0);
        expect((await stat(join(cwd, "new/folder"))).isDirectory()).toBe(true);
        expect((await omni(["rmdir", "new/folder"], { cwd })).code).toBe(5);
        expect((await omni(["rmdir", "--yes", "new/folder"], { cwd })).code).toBe(0);
        expect(existsSync(join(cwd, "new/folder"))).toBe(false);
      }),
    TIME_MS,
  );
});
