// Code that stands twice. jscpd finds it; every place that stays has its reason in `explained`, and a reason without such a place is told, too.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";
import { type Explained, explained } from "./clones-explained.ts";
import { toolsPath } from "./package-checks.ts";

/** What is searched, and from which size on a repetition counts. */
export interface Search {
  readonly name: string;
  /** Pattern of files, from the repository's root. */
  readonly pattern: string;
  /** Words and signs of the language, comments left out. */
  readonly minTokens: number;
  readonly minLines: number;
}

/** Two places with the same code. */
export interface Clone {
  readonly files: readonly [string, string];
  readonly lines: number;
  /** First lines. */
  readonly at: readonly [number, number];
}

/** Tests, benchmarks and examples are read one at a time, and say the same things in the same words more often than a library may. */
export const searches: readonly Search[] = [
  { name: "sources", pattern: "packages/*/src/**/*.ts", minTokens: 50, minLines: 8 },
  { name: "tests", pattern: "packages/*/test/**/*.ts", minTokens: 100, minLines: 10 },
  { name: "programs", pattern: "{tools,bench,examples}/**/*.ts", minTokens: 100, minLines: 10 },
];

/** Searches everything and compares with the reasons. */
export async function clones(context: CheckContext): Promise<CheckOutcome> {
  const jscpd = async (words: readonly string[]): Promise<void> => {
    await context.run("jscpd", words, { env: toolsPath(context) });
  };
  const found = (await Promise.all(searches.map((search) => searchClones(search, context.scratch, jscpd)))).flat();
  const faults = cloneFaults(found);
  for (const fault of faults) context.log(fault);
  if (faults.length > 0) throw new CheckFailure(`${faults.length} to mend, or to explain in tools/checks/clones-explained.ts`);
  return { passed: found.length || 1 };
}

/**
 * @param scratch a folder for reports
 * @param jscpd runs the program with these words, in the folder that the patterns start from
 */
export async function searchClones(
  { name, pattern, minTokens, minLines }: Search,
  scratch: string,
  jscpd: (words: readonly string[]) => Promise<void>,
): Promise<readonly Clone[]> {
  const output = join(scratch, name);
  mkdirSync(output, { recursive: true });
  // Whole words of the command line, so that it can be typed: `weak` leaves comments out, nothing is too large to be looked at.
  const limits = ["--min-tokens", String(minTokens), "--min-lines", String(minLines), "--max-lines", "5000", "--max-size", "1mb"];
  const ignored = "**/node_modules/**,**/dist/**,**/*.d.ts";
  const words = ["--mode", "weak", "--format", "typescript", ...limits, "--pattern", pattern, "--ignore", ignored];
  await jscpd([...words, "--silent", "--reporters", "json", "--output", output, "."]);
  return parseReport(readFileSync(join(output, "jscpd-report.json"), "utf8"));
}

interface Report {
  readonly statistics: { readonly total: { readonly sources: number } };
  readonly duplicates: readonly {
    readonly lines: number;
    readonly firstFile: { readonly name: string; readonly start: number };
    readonly secondFile: { readonly name: string; readonly start: number };
  }[];
}

/** @throws CheckFailure when nothing was searched: a pattern that finds no file finds no clone either */
export function parseReport(text: string): readonly Clone[] {
  const { statistics, duplicates } = JSON.parse(text) as Report;
  if (!(statistics.total.sources > 0)) throw new CheckFailure("jscpd looked at no file");
  return duplicates.map(({ lines, firstFile, secondFile }) => ({
    files: [firstFile.name, secondFile.name],
    lines,
    at: [firstFile.start, secondFile.start],
  }));
}

/** What has no reason, and reasons that nothing needs, in words. */
export function cloneFaults(found: readonly Clone[], reasons: readonly Explained[] = explained): readonly string[] {
  const used = new Set<Explained>();
  const faults = found.flatMap((clone) => {
    const reason = reasons.find((each) => explains(each, clone));
    if (reason !== undefined) used.add(reason);
    if (reason !== undefined && clone.lines <= reason.lines) return [];
    const [one, other] = clone.files.map((file, at) => `${file}:${clone.at[at]}`);
    const more = reason === undefined ? "" : `, ${reason.lines} are explained`;
    return [`${clone.lines} lines of ${one} stand in ${other} again${more}`];
  });
  const idle = reasons.filter((reason) => !used.has(reason));
  return [...faults, ...idle.map(({ files }) => `nothing of ${files.join(" stands in ")} any more: take the reason out`)];
}

function explains({ files: [one, other] }: Explained, { files }: Clone): boolean {
  return (files[0] === one && files[1] === other) || (files[0] === other && files[1] === one);
}
