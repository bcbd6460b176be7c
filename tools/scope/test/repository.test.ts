import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { setRepository } from "../repository.ts";

const address = "https://github.com/acme/omni";
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "omni-repository-"));
  for (const [folder, manifest] of [
    ["", { name: "root", private: true }],
    ["packages/one", { name: "@omni/one", version: "1.2.3" }],
    ["packages/own", { name: "@omni/own", private: true }],
  ] as const) {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const manifest = (folder: string): unknown => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));

test("the root and every published package name the repository, and nothing else changes", () => {
  expect(setRepository(root, address)).toEqual(["package.json", "packages/one/package.json"]);
  expect(manifest("")).toEqual({ name: "root", private: true, repository: { type: "git", url: `git+${address}.git` } });
  expect(manifest("packages/one")).toEqual({
    name: "@omni/one",
    version: "1.2.3",
    repository: { type: "git", url: `git+${address}.git`, directory: "packages/one" },
    homepage: `${address}/tree/main/packages/one#readme`,
    bugs: `${address}/issues`,
  });
  expect(manifest("packages/own")).toEqual({ name: "@omni/own", private: true });
  expect(setRepository(root, address)).toEqual([]);
});

test.each(["", "acme/omni", "git@github.com:acme/omni.git", `${address}.git`, "http://github.com/acme/omni"])(
  "%j is refused",
  (wrong) => {
    expect(() => setRepository(root, wrong)).toThrow(RangeError);
  },
);
