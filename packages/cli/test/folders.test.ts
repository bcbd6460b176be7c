import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bareEnvironment, linesOf, OMNI, objectsOf, omni, withDirectory } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

async function fill(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
    await utimes(join(directory, name), 1_700_000_000, 1_700_000_000);
  }
}

/** The names below a directory, without the store's own records. */
async function namesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((name) => !name.includes(".omni"))
    .sort();
}

describe("sync", () => {
  test(
    "plans, asks, does it, and the second run does nothing",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { "a.txt": "alpha", "in/b.txt": "beta", "in/c.txt": "gamma" });
        await fill(join(cwd, "to"), { "a.txt": "an older text", old: "gone", "in/c.txt": "gamma" });
        const lines = ["* a.txt", "+ in/b.txt", "- old", "sync: 1 copied, 1 updated, 1 deleted, 1 same; 9 bytes"];
        const plan = await omni(["sync", "from", "to", "--dry-run"], { cwd });
        expect([plan.code, linesOf(plan.stdout)]).toEqual([0, lines]);
        const refused = await omni(["sync", "from", "to"], { cwd });
        expect([refused.code, refused.stdout]).toEqual([5, ""]);
        expect(refused.stderr).toMatch(
          /would delete 1 object at file:.*\/to and copy 2 objects \(9 B\); nobody can be asked here: give --yes/,
        );
        expect(await namesIn(join(cwd, "to"))).toEqual(["a.txt", "in/c.txt", "old"]);
        const done = await omni(["sync", "from", "to", "--yes"], { cwd });
        expect([done.code, linesOf(done.stdout), done.stderr]).toEqual([0, lines, ""]);
        const second = await omni(["sync", "from", "to"], { cwd });
        expect([second.code, second.stdout]).toEqual([0, "sync: 3 same; 0 bytes\n"]);
        expect((await omni(["sync", "from", "to", "-v"], { cwd })).stdout).toMatch(/^= a\.txt\n= in\/b\.txt\n= in\/c\.txt\n/);
      }),
    TIME_MS,
  );

  test(
    "--json gives an object for each path and one for the run",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { "a.txt": "alpha", "b.txt": "beta" });
        const { code, stdout } = await omni(["sync", "from", "to", "--json"], { cwd });
        expect(code).toBe(0);
        const objects = objectsOf(stdout);
        expect(objects.slice(0, -1).sort((a, b) => String(a.path).localeCompare(String(b.path)))).toEqual([
          { mark: "+", path: "a.txt", action: "copy", bytes: 5 },
          { mark: "+", path: "b.txt", action: "copy", bytes: 4 },
        ]);
        expect(objects.at(-1)).toMatchObject({
          report: { verb: "sync", ok: true, complete: true, bytes: 9, counts: { copied: 2 } },
        });
      }),
    TIME_MS,
  );

  test(
    "failures: what could not be read is named, nothing is deleted, and the exit code is 4",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { "a.txt": "alpha" });
        await fill(join(cwd, "to"), { "a.txt": "another", "b.txt": "b" });
        const failed = await omni(["sync", "from", "to", "--immutable", "--yes"], { cwd });
        expect(failed.code).toBe(4);
        expect(failed.stdout).toMatch(/^! a\.txt: .+\nsync: 1 failed; 0 bytes\nnothing was deleted: something failed before\n$/);
        expect(await namesIn(join(cwd, "to"))).toEqual(["a.txt", "b.txt"]);
        await fill(join(cwd, "empty"), {});
        await mkdir(join(cwd, "empty"));
        const empty = await omni(["sync", "empty", "to", "--yes"], { cwd });
        expect([empty.code, empty.stdout.includes("the source has no objects")]).toEqual([4, true]);
        expect(await namesIn(join(cwd, "to"))).toEqual(["a.txt", "b.txt"]);
      }),
    TIME_MS,
  );

  test(
    "limits: what is left is told by exit code 2; --max-delete, --delete-* and --backup-dir",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { "1": "x".repeat(600), "2": "x".repeat(600), "3": "x".repeat(600) });
        const part = await omni(["sync", "from", "to", "--max-transfer", "1K", "--transfers", "1"], { cwd });
        expect([part.code, part.stdout.includes("stopped early: --max-transfer")]).toEqual([2, true]);
        expect(await namesIn(join(cwd, "to"))).toHaveLength(1);
        await fill(join(cwd, "to"), { "4": "4", "5": "5", "1": "before" });
        const many = await omni(["sync", "from", "to", "--max-delete", "1", "-y"], { cwd });
        expect([many.code, (await namesIn(join(cwd, "to"))).includes("5")]).toEqual([4, true]);
        const kept = await omni(["sync", "from", "to", "--backup-dir", "kept/today", "-y", "--delete-before", "--ignore-times"], {
          cwd,
        });
        expect([kept.code, kept.stderr]).toEqual([0, ""]);
        expect(await namesIn(join(cwd, "to"))).toEqual(["1", "2", "3"]);
        expect(await namesIn(join(cwd, "kept/today"))).toEqual(expect.arrayContaining(["1", "4", "5"]));
      }),
    TIME_MS,
  );

  test(
    "--track-renames renames at the destination",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { "one.txt": "the same text", other: "stays" });
        await omni(["sync", "from", "to"], { cwd });
        await rename(join(cwd, "from/one.txt"), join(cwd, "from/renamed.txt"));
        const { code, stdout } = await omni(["sync", "from", "to", "--track-renames", "-y"], { cwd });
        expect(code).toBe(0);
        expect(linesOf(stdout)).toEqual(["+ renamed.txt (was one.txt)", "sync: 1 renamed, 1 same; 0 bytes"]);
      }),
    TIME_MS,
  );
});

describe("copy and move", () => {
  test(
    "filters: patterns, rules, lists of files, sizes and ages",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { "a.txt": "a", "b.tmp": "b", "in/c.txt": "c", "in/big.bin": "x".repeat(3_000) });
        await writeFile(join(cwd, "from/new.txt"), "new");
        await writeFile(join(cwd, "rules"), "- *.tmp\n# a comment\n+ in/**\n- *\n");
        await writeFile(join(cwd, "list"), "a.txt\n/in/c.txt\n");
        const cases: [readonly string[], readonly string[]][] = [
          [
            ["--include", "*.txt", "--exclude", "new*"],
            ["a.txt", "in/c.txt", "new.txt"],
          ],
          [
            ["--filter-from", "rules"],
            ["in/big.bin", "in/c.txt"],
          ],
          [
            ["--files-from", "list"],
            ["a.txt", "in/c.txt"],
          ],
          [["--files-from", "-"], ["b.tmp"]],
          [["--min-size", "2K"], ["in/big.bin"]],
          [
            ["--max-size", "1b", "-f", "- in/"],
            ["a.txt", "b.tmp"],
          ],
          [["--max-age", "1h"], ["new.txt"]],
          [
            ["--min-age", "2024-01-01", "--exclude-from", "rules2"],
            ["a.txt", "in/big.bin", "in/c.txt"],
          ],
        ];
        await writeFile(join(cwd, "rules2"), "; comment\n*.tmp\n");
        const ended = await Promise.all(
          cases.map(([flags], at) => omni(["copy", "from", `to${at}`, ...flags], { cwd, input: "b.tmp\n" })),
        );
        expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(cases.map(() => [0, ""]));
        for (const [at, [, names]] of cases.entries()) expect([at, await namesIn(join(cwd, `to${at}`))]).toEqual([at, names]);
      }),
    TIME_MS,
  );

  test(
    "equality: --size-only, --checksum, --update, --ignore-existing, --compare-dest",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { same: "12345", size: "abcde", newer: "source" });
        const cases: [readonly string[], RegExp][] = [
          [["--size-only"], /^copy: 3 same/],
          [["--checksum"], /^\* newer\n\* size\ncopy: 2 updated, 1 same/],
          [["--update"], /^copy: .*1 skipped/m],
          [["--ignore-existing"], /^copy: 3 skipped/],
          [["--ignore-times"], /copy: 3 updated/],
          [["--compare-dest", "from2"], /^copy: 3 skipped/m],
        ];
        await fill(join(cwd, "from2"), { same: "12345", size: "abcde", newer: "source" });
        const ended = await Promise.all(
          cases.map(async ([flags], at) => {
            await fill(join(cwd, `to${at}`), { same: "12345", size: "vwxyz", newer: "SOURCE" });
            await utimes(join(cwd, `to${at}`, "newer"), 1_800_000_000, 1_800_000_000);
            if (flags[0] === "--compare-dest") await rm(join(cwd, `to${at}`), { recursive: true });
            return omni(["copy", "from", `to${at}`, ...flags], { cwd });
          }),
        );
        for (const [at, [flags, summary]] of cases.entries()) {
          expect([flags, ended[at]?.code]).toEqual([flags, 0]);
          expect(ended[at]?.stdout).toMatch(summary);
        }
      }),
    TIME_MS,
  );

  test(
    "--copy-dest copies what is the same there from there, and what only the source has from the source",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { same: "12345", "in/same": "67890", other: "new!!" });
        await fill(join(cwd, "days/monday"), { same: "12345", "in/same": "67890", other: "old!!" });
        await utimes(join(cwd, "days/monday/other"), 1_600_000_000, 1_600_000_000);
        const run = (...args: string[]) => omni([...args, "from", "days/tuesday", "--copy-dest", "days/monday", "--json"], { cwd });
        const lines = (stdout: string) =>
          objectsOf(stdout).map(({ path, action, reason, report }) => (report ? "done" : `${action} ${path} ${reason ?? ""}`));
        const plan = await run("copy", "--dry-run");
        const done = await run("copy");
        expect([plan.code, done.code, done.stderr]).toEqual([0, 0, ""]);
        expect(lines(done.stdout).sort()).toEqual(["copy in/same copyDest", "copy other ", "copy same copyDest", "done"]);
        expect(lines(plan.stdout).sort()).toEqual(lines(done.stdout).sort());
        expect(await namesIn(join(cwd, "days"))).toEqual(
          ["monday", "tuesday"].flatMap((day) => ["in/same", "other", "same"].map((name) => `${day}/${name}`)),
        );
        expect(await readFile(join(cwd, "days/tuesday/other"), "utf8")).toBe("new!!");
        expect(objectsOf((await run("sync")).stdout).at(-1)).toMatchObject({ report: { bytes: 0, counts: { same: 3 } } });
        const beside = await omni(["sync", "from", "days/friday", "--copy-dest", "days/monday", "--backup-dir", "kept"], { cwd });
        expect([beside.code, beside.stderr, await namesIn(join(cwd, "days/friday"))]).toEqual([
          0,
          "",
          ["in/same", "other", "same"],
        ]);
      }),
    TIME_MS,
  );

  test(
    "move asks, then deletes each source whose copy is there",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { "a.txt": "alpha", "b.txt": "beta" });
        expect((await omni(["move", "from", "to"], { cwd })).code).toBe(5);
        expect((await omni(["move", "from", "to", "--yes"], { cwd })).code).toBe(0);
        expect([await namesIn(join(cwd, "from")), await namesIn(join(cwd, "to"))]).toEqual([[], ["a.txt", "b.txt"]]);
      }),
    TIME_MS,
  );

  test(
    "migrate goes on where its journal ends",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}`, "x".repeat(600)])));
        const first = await omni(["migrate", "from", "to", "--max-transfer", "2K", "--transfers", "1"], { cwd });
        expect(first.code).toBe(2);
        const second = await omni(["migrate", "from", "to", "--json"], { cwd });
        expect([second.code, objectsOf(second.stdout).at(-1)]).toEqual([
          0,
          expect.objectContaining({ report: expect.objectContaining({ bytes: 3_600 }) }),
        ]);
      }),
    TIME_MS,
  );

  test(
    "places that make no sense are refused before anything is done",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { "a.txt": "alpha" });
        const [file, same, elsewhere, far, both, moves] = await Promise.all([
          omni(["copy", "from/a.txt", "to"], { cwd }),
          omni(["copy", "from", "from"], { cwd }),
          omni(["sync", "from", "to", "--backup-dir", "memory://x"], { cwd }),
          omni(["copy", "from", "to", "--copy-dest", "memory://x"], { cwd }),
          omni(["copy", "from", "to", "--copy-dest", "a", "--compare-dest", "b"], { cwd }),
          omni(["move", "from", "to", "--copy-dest", "a", "--yes"], { cwd }),
        ]);
        expect([file, same, elsewhere, far, both, moves].map(({ code }) => code)).toEqual([64, 64, 64, 64, 64, 64]);
        expect(file.stderr).toMatch(/"from\/a.txt" is a file; for one object use cp or mv/);
        expect(same.stderr).toMatch(/source and destination are the same place/);
        expect(elsewhere.stderr).toMatch(/--backup-dir "memory:\/\/x" is not in the destination's store/);
        expect(far.stderr).toMatch(/--copy-dest "memory:\/\/x" is not in the destination's store/);
        expect(both.stderr).toMatch(/--compare-dest and --copy-dest are one place each; give one of them/);
        expect(moves.stderr).toMatch(/unknown option '--copy-dest'/);
      }),
    TIME_MS,
  );
});

describe("signals", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s ends a run with its code, says how to go on, and leaves nothing half",
    (signal, expected) =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { big: "x".repeat(400_000) });
        await mkdir(join(cwd, "to"));
        const [node = "", ...flags] = OMNI;
        const args = ["copy", "from", "to", "--bwlimit", "50K", "--stats", "100ms"];
        const child = spawn(node, [...flags, ...args], { cwd, env: bareEnvironment(), stdio: ["ignore", "ignore", "pipe"] });
        let messages = "";
        let isTold = false;
        child.stderr.setEncoding("utf8").on("data", (text: string) => {
          messages += text;
          // The first bytes are on their way.
          if (!isTold && /^copy: [1-9][\d.]* \w+ of 390\.6 KiB/m.test(messages)) isTold = child.kill(signal);
        });
        const [code] = (await once(child, "close")) as [number];
        expect(code).toBe(expected);
        expect(messages).toMatch(/omni: interrupted\n {2}To go on: omni copy from to --bwlimit 50K --stats 100ms\n$/);
        expect(await namesIn(join(cwd, "to"))).toEqual([]);
      }),
    TIME_MS,
  );
});

describe("check", () => {
  test(
    "0: the same; 1: differs; 3: only sizes could be compared, which --download mends",
    () =>
      withDirectory(async (cwd) => {
        await fill(join(cwd, "from"), { a: "12345", b: "67890" });
        await fill(join(cwd, "to"), { a: "12345", b: "67890", extra: "x" });
        await writeFile(join(cwd, "to/b"), "67891");
        const check = (...flags: string[]) => omni(["check", "from", "to", "--one-way", ...flags], { cwd });
        const [size, read, both] = await Promise.all([
          check(),
          check("--download"),
          omni(["check", "from", "to", "--size-only"], { cwd }),
        ]);
        expect([size.code, read.code, both.code]).toEqual([3, 1, 1]);
        expect(size.stderr).toMatch(/only the sizes were compared.*--download/);
        expect(linesOf(read.stdout)[0]).toBe("* b");
        expect(linesOf(both.stdout)[0]).toBe("- extra");
        await truncate(join(cwd, "to/b"), 2);
        expect((await check()).code).toBe(1);
        await writeFile(join(cwd, "to/b"), "67890");
        expect((await check("--download")).code).toBe(0);
        expect(await readFile(join(cwd, "to/b"), "utf8")).toBe("67890");
      }),
    TIME_MS,
  );
});
