// The page and the charts of the runs whose raw results are kept: what they are made from, and where they stand.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BenchmarkResult } from "../runner/benchmark-run.ts";
import { chart } from "./chart.ts";
import { page } from "./page.ts";

/** A run whose raw results are kept. */
export interface Kept {
  /** The raw file's name without `.json`: names the chart and the section, since a benchmark may be kept more than once. */
  readonly name: string;
  readonly result: BenchmarkResult;
}

const pagePath = "docs/benchmarks.md";

/** What the kept results make: paths in the repository to texts. */
export function reportFiles(kept: readonly Kept[]): ReadonlyMap<string, string> {
  return new Map([
    [pagePath, page(kept)],
    ...kept.map(({ name, result }) => [`docs/img/bench-${name}.svg`, chart(result)] as const),
  ]);
}

/** @throws Error for a file that is no full run */
export async function readKept(root: string): Promise<readonly Kept[]> {
  const files = await filesIn(root, "docs/benchmarks", /\.json$/);
  return Promise.all(
    files.map(async (file) => ({
      name: basename(file, ".json"),
      result: parseResult(file, await readFile(join(root, file), "utf8")),
    })),
  );
}

/**
 * @param file - names the text in errors
 * @throws Error for a text that is no full run
 */
export function parseResult(file: string, text: string): BenchmarkResult {
  const result = JSON.parse(text, withNumbers) as BenchmarkResult;
  if (result.schema !== 1) throw new Error(`${file}: the form of this record is ${result.schema}, not 1: run the benchmark again`);
  if (result.quick) throw new Error(`${file}: a smoke run measures nothing: keep a run without --quick`);
  return result;
}

/** JSON has no NaN and no Infinity: an interval that is not finite is written as null. */
function withNumbers(key: string, value: unknown): unknown {
  return value === null && (key === "median" || key === "low" || key === "high") ? Number.NaN : value;
}

/**
 * Writes the page and the charts, and removes charts whose results are no longer kept.
 *
 * @returns the paths that are there now
 */
export async function writeReport(root: string): Promise<readonly string[]> {
  const made = reportFiles(await readKept(root));
  for (const [path, text] of made) await writeFile(join(root, path), text);
  for (const path of await charts(root)) if (!made.has(path)) await rm(join(root, path));
  return [...made.keys()];
}

/** The paths whose text is not what the kept results make; charts of results that are gone are among them. */
export async function staleFiles(root: string): Promise<readonly string[]> {
  const made = reportFiles(await readKept(root));
  const there = new Set([...(await filesIn(root, "docs", /^benchmarks\.md$/)), ...(await charts(root))]);
  const gone = [...there].filter((path) => !made.has(path));
  const texts = [...made].map(async ([path, text]) => there.has(path) && (await readFile(join(root, path), "utf8")) === text);
  const same = await Promise.all(texts);
  return [...gone, ...[...made.keys()].filter((_, index) => !same[index])].toSorted();
}

function charts(root: string): Promise<readonly string[]> {
  return filesIn(root, "docs/img", /^bench-.*\.svg$/);
}

async function filesIn(root: string, folder: string, name: RegExp): Promise<readonly string[]> {
  const names = await readdir(join(root, folder));
  return names
    .filter((each) => name.test(each))
    .toSorted()
    .map((each) => `${folder}/${each}`);
}
