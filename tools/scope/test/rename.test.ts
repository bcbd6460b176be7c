import { execFileSync, spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { copyTree } from "../../rehearsal/release.ts";
import { currentScope, renameScope } from "../rename.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

let copy = "";
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "omni-scope-"));
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

test("every package, import and setting carries the new scope, and the old one is gone", () => {
  copyTree(root, copy);
  execFileSync("git", ["init", "-q"], { cwd: copy });
  const from = currentScope(copy);
  expect(renameScope(copy, "@acme").length).toBeGreaterThan(20);

  expect(currentScope(copy)).toBe("@acme");
  const manifests = globSync("{packages,tools}/*/package.json", { cwd: copy });
  const names = manifests.map((path) => (JSON.parse(readFileSync(join(copy, path), "utf8")) as { name: string }).name);
  expect(names.filter((name) => !name.startsWith("@acme/"))).toEqual([]);
  const search = spawnSync("git", ["grep", "--untracked", "--files-with-matches", "--fixed-strings", `${from}/`], {
    cwd: copy,
    encoding: "utf8",
  });
  expect({ files: search.stdout, status: search.status }).toEqual({ files: "", status: 1 });
});

test("what npm would refuse is refused", () => {
  expect(() => renameScope(copy, "acme")).toThrow('"acme" is not an npm scope');
  expect(() => renameScope(copy, "@Acme")).toThrow("in lower case");
});
