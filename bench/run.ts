// Runs benchmarks of this folder: node --conditions=@omni/source bench/run.ts [name...] [--quick] [--seed n] [--rounds n]
// Makes the page and the charts of the runs that are kept: node --conditions=@omni/source bench/run.ts --report
import { randomInt } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { writeReport } from "./report/files.ts";
import type { Benchmark } from "./runner/benchmark.ts";
import { type BenchmarkResult, fewestRounds, type RunSettings, runBenchmark } from "./runner/benchmark-run.ts";
import { ceilingPassed, toMarkdown } from "./runner/report.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));

interface Command {
  readonly names: readonly string[];
  readonly list: boolean;
  /** Nothing is run: the page and the charts are made from the results that are kept. */
  readonly report: boolean;
  readonly out: string;
  /** Undefined: as many as the benchmark says. */
  readonly rounds: number | undefined;
  /** Numbers of cases, from 1 on; undefined: all. */
  readonly cases: readonly number[] | undefined;
  readonly settings: Omit<RunSettings, "onCase" | "onRound" | "rounds" | "warmUpRounds">;
}

/** What is wrong with the command line; shown without a stack. */
class UsageError extends Error {}

async function benchmarkNames(): Promise<string[]> {
  const files = await readdir(here);
  const names = files.filter((file) => file.endsWith(".ts") && file !== "run.ts").map((file) => file.slice(0, -3));
  return names.sort();
}

function parse(known: readonly string[]): Command {
  const { values, positionals } = readArguments();
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new UsageError(`no benchmark is named ${unknown.join(", ")}; there are ${known.join(", ")}`);
  const { quick, list, report, out, scratch } = values;
  const seed = values.seed === undefined ? randomInt(2 ** 32) : wholeNumber("seed", values.seed, 0);
  const rounds = values.rounds === undefined ? undefined : wholeNumber("rounds", values.rounds, 1);
  const cases = values.cases?.split(",").map((number) => wholeNumber("cases", number, 1));
  return {
    names: positionals.length > 0 ? positionals : known,
    list,
    report,
    out,
    rounds,
    cases,
    settings: { quick, seed, scratch },
  };
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        report: { type: "boolean", default: false },
        seed: { type: "string" },
        rounds: { type: "string" },
        cases: { type: "string" },
        scratch: { type: "string", default: tmpdir() },
        out: { type: "string", default: join(here, "results") },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${option} is a whole number of at least ${least}, not "${text}"`);
}

async function keep(result: BenchmarkResult, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const date = result.startedAt.replace(/\.\d+Z$/, "Z").replaceAll(":", "-");
  const file = join(folder, `${result.name}-${date}${result.quick ? "-quick" : ""}.json`);
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

/** Progress goes to stderr and only to a terminal: stdout is the Markdown. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** @returns whether every memory ceiling held */
async function run(name: string, { settings, rounds, cases, out }: Command): Promise<boolean> {
  const file = pathToFileURL(join(here, `${name}.ts`)).href;
  const { default: whole } = (await import(file)) as { default: Benchmark };
  if (whole.name !== name) throw new Error(`${name}.ts calls itself "${whole.name}": a benchmark has its file's name`);
  const benchmark = cases === undefined ? whole : withCases(whole, cases, settings.quick ? "quick" : "full");
  const usual = benchmark.rounds?.usual ?? fewestRounds;
  let place = name;
  const result = await runBenchmark(benchmark, file, {
    ...settings,
    rounds: rounds ?? (settings.quick ? 5 : usual),
    warmUpRounds: benchmark.rounds?.warmUp ?? (settings.quick || benchmark.rounds ? 1 : 2),
    onCase: (done, total) => {
      place = `${name}: case ${done} of ${total}`;
      progress(place);
    },
    onRound: (done, total) => progress(`${place}, round ${done} of ${total}`),
  });
  progress("");
  console.log(`${toMarkdown(result)}\n\nRaw: ${relative(process.cwd(), await keep(result, out))}\n`);
  return !ceilingPassed(result);
}

function withCases(benchmark: Benchmark, cases: readonly number[], kind: "full" | "quick"): Benchmark {
  const all = benchmark.params[kind];
  const missing = cases.find((number) => number > all.length);
  if (missing !== undefined) throw new UsageError(`${benchmark.name} has ${all.length} ${kind} cases, not ${missing}`);
  return { ...benchmark, params: { ...benchmark.params, [kind]: all.filter((_, at) => cases.includes(at + 1)) } };
}

async function main(): Promise<void> {
  const command = parse(await benchmarkNames());
  if (command.list) return console.log(command.names.join("\n"));
  if (command.report) return console.log((await writeReport(root)).join("\n"));
  for (const name of command.names) {
    if (!(await run(name, command))) process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  // Too few rounds are told by what runs them.
  const isUsage = error instanceof UsageError || error instanceof RangeError;
  console.error(isUsage ? error.message : error);
  process.exitCode = isUsage ? 2 : 1;
}
