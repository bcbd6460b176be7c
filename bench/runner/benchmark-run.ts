import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Benchmark } from "./benchmark.ts";
import { type CaseResult, runCase } from "./case-run.ts";
import { type Commit, describeCommit, describeMachine, type Machine } from "./machine.ts";
import { packageVersion } from "./needs.ts";
import { seededRandom } from "./random.ts";

/** A whole run of one benchmark, as it is kept. */
export interface BenchmarkResult {
  /** Form of this record; raised when a field changes its meaning. */
  readonly schema: 1;
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly compare: Benchmark["compare"];
  /** A smoke run: too few and too small rounds to claim anything from. */
  readonly quick: boolean;
  readonly startedAt: string;
  readonly seed: number;
  readonly rounds: number;
  readonly warmUpRounds: number;
  readonly machine: Machine;
  readonly commit: Commit | null;
  /** Versions of the packages that peers come from. */
  readonly versions: { readonly [name: string]: string };
  readonly cases: readonly CaseResult[];
}

export interface RunSettings {
  readonly quick: boolean;
  /** Draws the order of the rounds and the intervals. */
  readonly seed: number;
  readonly rounds: number;
  readonly warmUpRounds: number;
  /** Folder in which a folder of this run is made, and removed after it. */
  readonly scratch: string;
  readonly onCase?: (done: number, total: number) => void;
  readonly onRound?: (done: number, total: number) => void;
}

/** Below this an interval of a median is mostly luck; only a smoke run, which claims nothing, may stay below. */
export const fewestRounds = 15;

/**
 * Runs all cases of one benchmark.
 *
 * @param file - URL of the benchmark's file, which every subject's process imports
 * @throws RangeError when there are too few rounds to claim anything from
 * @throws Error when a subject fails or proves other work than its peers
 */
export async function runBenchmark(benchmark: Benchmark, file: string, settings: RunSettings): Promise<BenchmarkResult> {
  const least = settings.quick ? 1 : (benchmark.rounds?.fewest ?? fewestRounds);
  if (!(settings.rounds >= least)) throw new RangeError(`a run has at least ${least} rounds, not ${settings.rounds}`);
  await mkdir(settings.scratch, { recursive: true });
  const scratch = await mkdtemp(join(settings.scratch, `omni-bench-${benchmark.name}-`));
  const stop = removeWhenInterrupted(scratch);
  try {
    const random = seededRandom(settings.seed);
    const machine = describeMachine(scratch);
    const startedAt = new Date().toISOString();
    const list = settings.quick ? benchmark.params.quick : benchmark.params.full;
    const cases: CaseResult[] = [];
    for (const [index, params] of list.entries()) {
      settings.onCase?.(index + 1, list.length);
      const folder = join(scratch, String(index));
      await mkdir(folder);
      cases.push(await runCase(benchmark, params, { ...settings, file, random, scratch: folder }));
      await rm(folder, { recursive: true });
    }
    const { name, title, unit, compare } = benchmark;
    const { quick, seed, rounds, warmUpRounds } = settings;
    const commit = describeCommit() ?? null;
    return {
      schema: 1,
      name,
      title,
      unit,
      compare,
      quick,
      startedAt,
      seed,
      rounds,
      warmUpRounds,
      machine,
      commit,
      versions: versionsOf(benchmark),
      cases,
    };
  } finally {
    stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Gigabytes of scratch files must not outlive a run that was broken off; the subjects end with their runner. */
function removeWhenInterrupted(scratch: string): () => void {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const interrupted = () => {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 10 });
    process.exit(130);
  };
  for (const signal of signals) process.once(signal, interrupted);
  return () => {
    for (const signal of signals) process.off(signal, interrupted);
  };
}

function versionsOf(benchmark: Benchmark): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const { needs } of benchmark.subjects.peers) {
    if (needs === undefined || !("package" in needs)) continue;
    const version = packageVersion(needs.package);
    if (version !== undefined) versions[needs.package] = version;
  }
  return versions;
}
