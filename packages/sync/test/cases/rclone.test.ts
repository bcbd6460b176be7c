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

const COMPARABLE = SYNC_CASES.filter(({ rclone }) => rclone);
// Ends of a run that are no failure of it: a limit on bytes was reached (https://rclone.org/docs/#exit-code).
const LIMIT_REACHED = 8;

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
  const [from, other, list] = ["from", "other", "list"].map((name) => join(folder, name)) as [string, string, string];
  const to = one.oneStore ? from : join(folder, "to");
  const { prefix = "", toPrefix = prefix, filter, maxTransferBytes } = one.options ?? {};
  try {
    await plantFiles(from, one.from);
    await plantFiles(to, one.to);
    await plantFiles(other, one.other);
    await writeFile(list, (filter?.filesFrom ?? []).join("\n"));
    const named: Record<string, string> = { OTHER: other, FILES: list };
    const flags = (one.rclone ?? []).map((flag) => named[flag] ?? flag.replace(/^BESIDE\//, `${to}/`));
    const verb = one.verb ?? "sync";
    const args = [verb, "--config", "", "--retries", "1", ...flags, join(from, prefix), join(to, toPrefix)];
    const run = spawnSync("rclone", args, { encoding: "utf8", env: { ...process.env, TZ: "UTC" } });
    const isExpected = run.status === 0 || one.fails || (maxTransferBytes !== undefined && run.status === LIMIT_REACHED);
    if (!isExpected) throw new Error(`rclone ${verb} ended with ${run.status}: ${run.stderr}`);
    return { from: await harvestFiles(from), to: await harvestFiles(to) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("rclone is asked about every case, or there is a reason why not", () => {
  for (const { name, rclone, withoutRclone, refused, disturb } of SYNC_CASES) {
    const reasons = [rclone, withoutRclone, refused, disturb].filter((one) => one !== undefined);
    expect([name, reasons.length]).toEqual([name, 1]);
  }
});

(isThere ? describe : describe.skip)("rclone comes to the same tree", () => {
  test.each(COMPARABLE.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const found = await askRclone(one);
    expect(found.to).toEqual(one.after ?? textOf(one.oneStore ? one.from : one.to));
    if (!one.oneStore) expect(found.from).toEqual(one.left ?? textOf(one.from));
    recordCounts({ "cases that rclone agrees on": 1 });
  });
});
