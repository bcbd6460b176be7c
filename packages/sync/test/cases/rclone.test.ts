import { spawnSync } from "node:child_process";
import { writeSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { recordCounts } from "@omni/property";
import { moment, type Tree } from "../trees.ts";
import { SYNC_CASES } from "./all.ts";
import type { SyncCase } from "./case.ts";

const isThere = spawnSync("rclone", ["version"]).status === 0;
if (!isThere) writeSync(2, "skipped: rclone (not installed; apt-get install rclone)\n");

const COMPARABLE = SYNC_CASES.filter(({ rclone, disturb, refused }) => rclone && !disturb && !refused);

async function plantFiles(folder: string, tree: Tree = {}): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, leaf] of Object.entries(tree)) {
    const { text, at = 0 } = typeof leaf === "string" ? { text: leaf } : leaf;
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    await utimes(file, moment(at), moment(at));
  }
}

async function harvestFiles(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [relative(folder, file), await readFile(file, "utf8")] as const)),
  );
}

function textOf(tree: Tree = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).map(([path, leaf]) => [path, typeof leaf === "string" ? leaf : leaf.text]));
}

/** Rclone's run of a case, from folder to folder. */
async function askRclone(one: SyncCase): Promise<{ readonly from: Record<string, string>; readonly to: Record<string, string> }> {
  const folder = await mkdtemp(join(tmpdir(), "omni-rclone-"));
  const [from, to, other] = ["from", "to", "other"].map((name) => join(folder, name)) as [string, string, string];
  try {
    await plantFiles(from, one.from);
    await plantFiles(to, one.to);
    await plantFiles(other, one.other);
    const flags = (one.rclone ?? []).map((flag) => (flag === "OTHER" ? other : flag));
    const verb = one.verb ?? "sync";
    const run = spawnSync("rclone", [verb, "--config", "", "--retries", "1", ...flags, from, to], {
      encoding: "utf8",
      env: { ...process.env, TZ: "UTC" },
    });
    if (run.status !== 0 && !one.fails) throw new Error(`rclone ${verb} ended with ${run.status}: ${run.stderr}`);
    return { from: await harvestFiles(from), to: await harvestFiles(to) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

(isThere ? describe : describe.skip)("rclone comes to the same tree", () => {
  test.each(COMPARABLE.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const found = await askRclone(one);
    expect(found.to).toEqual(one.after ?? textOf(one.to));
    expect(found.from).toEqual(one.left ?? textOf(one.from));
    recordCounts({ "cases that rclone agrees on": 1 });
  });

  test("most cases are comparable", () => {
    expect(COMPARABLE.length).toBeGreaterThan(55);
  });
});
