// Asks rclone which paths its filters leave, and writes the answers down. Run it from the repository's root, where rclone is installed:
//   node --conditions=@omni/source packages/sync/test/filter/record.ts
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CASES, type FilterCase, TREE } from "./cases.ts";

function flagsOf(one: FilterCase, folder: string): string[] {
  const flags: string[] = [];
  for (const glob of one.include ?? []) flags.push("--include", glob);
  for (const glob of one.exclude ?? []) flags.push("--exclude", glob);
  for (const rule of one.rules ?? []) {
    if (rule !== "" && !rule.startsWith("#") && !rule.startsWith(";")) flags.push("--filter", rule);
  }
  if (one.ignoreCase) flags.push("--ignore-case");
  if (one.filesFrom) {
    const list = join(folder, "files-from.txt");
    writeFileSync(list, one.filesFrom.join("\n"));
    flags.push("--files-from", list);
  }
  return flags;
}

const folder = mkdtempSync(join(tmpdir(), "omni-filter-"));
const tree = join(folder, "tree");
try {
  for (const path of TREE) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), path);
  }
  const recorded = CASES.map((one) => {
    const args = ["lsf", "-R", "--files-only", "--config", "", ...flagsOf(one, folder), tree];
    const out = execFileSync("rclone", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    return {
      ...one,
      left: out
        .split("\n")
        .filter((line) => line !== "")
        .sort(),
    };
  });
  const version = execFileSync("rclone", ["version"], { encoding: "utf8" }).split("\n")[0];
  const file = new URL("recorded.json", import.meta.url);
  writeFileSync(file, `${JSON.stringify({ version, tree: TREE, recorded }, undefined, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
