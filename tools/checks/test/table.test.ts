import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { inputsDigest } from "../inputs.ts";
import { publishedPackages } from "../packages.ts";
import { checks } from "../table.ts";
import { jestArgs } from "../unit.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

describe("the table", () => {
  test("names are unique and fit for a file", () => {
    const names = checks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
  });

  test("every check of the full tier declares inputs that exist", () => {
    const full = checks.filter(({ tiers }) => tiers.includes("full"));
    expect(full.length).toBeGreaterThan(0);
    for (const { inputs } of full) expect(inputsDigest(root, inputs ?? [])).toMatch(/^[0-9a-f]{32}$/);
  });

  test("the push tier's budgets stay far from the end", () => {
    const push = checks.filter(({ tiers }) => tiers.includes("push")).reduce((sum, { budgetSeconds }) => sum + budgetSeconds, 0);
    expect(push).toBeLessThanOrEqual(45 * 60);
  });
});

describe("words after npm test", () => {
  test("a package's name is its tests, anything else is jest's", () => {
    expect(jestArgs(root, ["memory", "-t", "list", "tools/snippets"])).toEqual([
      "packages/memory/",
      "-t",
      "list",
      "tools/snippets",
    ]);
    expect(jestArgs(root, ["snippets"])).toEqual(["tools/snippets/"]);
    expect(jestArgs(root, ["queue-composite"])).toEqual(["packages/queue-composite/"]);
  });
});

test("failed seeds are lists of whole numbers", () => {
  const kept = JSON.parse(readFileSync(join(root, "tools/checks/failed-seeds.json"), "utf8")) as Record<string, unknown>;
  for (const [name, seeds] of Object.entries(kept))
    expect([name, Array.isArray(seeds) && seeds.every(Number.isSafeInteger)]).toEqual([name, true]);
});

test("the README's table has every published package and no other", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const listed = [...readme.matchAll(/^\| \[`([^`]+)`\]\(packages\//gm)].map(([, name]) => name);
  expect(listed.toSorted()).toEqual(
    publishedPackages(root)
      .map(({ manifest }) => manifest.name)
      .toSorted(),
  );
});
