import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "../runner/benchmark.ts";

const folder = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(`${folder}README.md`, "utf8");
const benchmarks = readdirSync(folder).flatMap((file) => (file.endsWith(".ts") && file !== "run.ts" ? [file.slice(0, -3)] : []));

/** The rows of the table under a heading, or after some words. */
function rowsAfter(words: string): readonly string[] {
  const lines = readme.slice(readme.indexOf(words)).split("\n");
  const first = lines.findIndex((line) => line.startsWith("| ---"));
  return lines.slice(first + 1, lines.indexOf("", first));
}

test("the table of benchmarks has every one and no other", () => {
  const named = rowsAfter("## The benchmarks").map((row) => /^\| `([^`]+)`/.exec(row)?.[1]);
  expect(named.toSorted()).toEqual(benchmarks.toSorted());
});

describe("what is asked of the project", () => {
  const rows = rowsAfter("**What is asked of the project").map((row) => row.split("|").map((cell) => cell.trim()));

  test.each(rows)("%s%s is measured by cases that there are", async (_, asked, where = "", target) => {
    expect([asked, target]).not.toContain("");
    const named = [...where.matchAll(/`([\w-]+)`([^`;]*)/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, name = "", words = ""] of named) {
      const { default: benchmark } = (await import(`../${name}.ts`)) as { default: Benchmark };
      const numbers = [...words.replace(/\([^)]*\)/g, "").matchAll(/\d+/g)].map(Number);
      expect(Math.max(1, ...numbers)).toBeLessThanOrEqual(benchmark.params.full.length);
    }
  });
});
