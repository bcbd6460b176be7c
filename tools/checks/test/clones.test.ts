import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { type Clone, cloneFaults, parseReport, searchClones, searches } from "../clones.ts";
import { explained } from "../clones-explained.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const clone: Clone = { files: ["a/src/one.ts", "b/src/two.ts"], lines: 12, at: [3, 40] };
const reason = { files: ["b/src/two.ts", "a/src/one.ts"], lines: 12, why: "they are generated" } as const;

test("what has a reason is in order, whichever file comes first", () => {
  expect(cloneFaults([clone], [reason])).toEqual([]);
});

test.each([
  ["no reason", [clone], [], "12 lines of a/src/one.ts:3 stand in b/src/two.ts:40 again"],
  [
    "more than was explained",
    [{ ...clone, lines: 13 }],
    [reason],
    "13 lines of a/src/one.ts:3 stand in b/src/two.ts:40 again, 12 are explained",
  ],
  ["a reason for nothing", [], [reason], "nothing of b/src/two.ts stands in a/src/one.ts any more: take the reason out"],
] as const)("%s is told", (_name, found, reasons, words) => {
  expect(cloneFaults(found, reasons)).toEqual([words]);
});

test("a search that looked at nothing is a fault", () => {
  expect(() => parseReport('{"statistics":{"total":{"sources":0}},"duplicates":[]}')).toThrow("jscpd looked at no file");
});

test("every reason says something", () => {
  for (const { files, lines, why } of explained) expect([files, lines > 0, why.length > 20]).toEqual([files, true, true]);
});

test("jscpd finds a function that stands in two packages, and not one that stands once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "omni-clones-"));
  const twice = `
export function sums(values: readonly number[], least: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [index, value] of values.entries()) {
    if (value < least || index > 10) continue;
    const key = String(index);
    const before = found[key] ?? 0;
    found[key] = before + value * 2;
    if (found[key] > 1_000) throw new RangeError("too much at " + key);
    found.total = (found.total ?? 0) + value;
  }
  if (found.total === undefined) throw new RangeError("nothing was found");
  return found;
}
`;
  try {
    for (const [name, text] of [
      ["a", twice],
      ["b", `export const other = 1;\n${twice}`],
      ["c", "export const once: readonly string[] = ['nothing', 'of', 'this', 'stands', 'anywhere', 'else'];\n"],
    ] as const) {
      mkdirSync(join(folder, "packages", name, "src"), { recursive: true });
      writeFileSync(join(folder, "packages", name, "src", "index.ts"), text);
    }
    const program = join(root, "tools", "node_modules", ".bin", "jscpd");
    const found = await searchClones(searches[0]!, join(folder, "reports"), async (words) => {
      execFileSync(program, words, { cwd: folder, timeout: 60_000 });
    });
    expect(found.map(({ files }) => files.toSorted())).toEqual([["packages/a/src/index.ts", "packages/b/src/index.ts"]]);
    expect(cloneFaults(found, [])).toEqual([expect.stringContaining("stand in")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 90_000);
