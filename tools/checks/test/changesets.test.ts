import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { publishedPackages } from "../packages.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const packages = publishedPackages(root).map(({ manifest }) => manifest);
const changesets = globSync(".changeset/*.md", { cwd: root }).map((path) => {
  const [, front = "", words = ""] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(readFileSync(join(root, path), "utf8")) ?? [];
  const bumps = [...front.matchAll(/^"([^"]+)": (\w+)$/gm)].map(([, name = "", bump = ""]) => ({ name, bump }));
  return { path, bumps, words: words.trim() };
});

test("a changeset names packages that are published, with a bump and a sentence", () => {
  const names = new Set(packages.map(({ name }) => name));
  const wrong = changesets.filter(
    ({ bumps, words }) =>
      bumps.length === 0 || words === "" || bumps.some(({ name, bump }) => !names.has(name) || !["patch", "minor"].includes(bump)),
  );
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test("what has never been released is said to be new, so that all packages begin with the same 0.1.0", () => {
  const announced = new Set(
    changesets.flatMap(({ bumps }) => bumps.filter(({ bump }) => bump === "minor").map(({ name }) => name)),
  );
  const unsaid = packages.filter(({ name, version }) => version === "0.0.0" && !announced.has(name));
  expect(unsaid.map(({ name }) => name)).toEqual([]);
  expect(new Set(packages.map(({ version }) => version)).size).toBe(1);
});
