// The memory that a stream of one gibibyte to three stores takes, as the benchmark measures it; its ceiling stands there.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { sourceFlags } from "../bootstrap/toolchain.mjs";
import { type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";

interface Benchmark {
  readonly rounds: number;
  readonly cases: readonly {
    readonly params: Readonly<Record<string, number>>;
    readonly memory?: { readonly ceilingMiB: number; readonly peakMiB: number };
  }[];
}

/** Runs the benchmark whole; it ends with a failure when a ceiling is passed. */
export async function fanOutMemory(context: CheckContext): Promise<CheckOutcome> {
  await context.run(process.execPath, [...sourceFlags(), "bench/run.ts", "fan-out-1gib", "--out", context.scratch]);
  const [file] = readdirSync(context.scratch).filter((name) => name.startsWith("fan-out-1gib-"));
  if (!file) throw new CheckFailure("the benchmark left no result");
  const { rounds, cases } = JSON.parse(readFileSync(join(context.scratch, file), "utf8")) as Benchmark;
  const measured = cases.filter(({ memory }) => memory !== undefined);
  if (measured.length === 0) throw new CheckFailure("the benchmark has no case with a memory ceiling");
  return { counts: { rounds, cases: measured.map(({ params, memory }) => ({ ...params, ...memory })) } };
}

/** The same with 20 MiB: that it runs, not what it takes. */
export async function fanOutSmoke(context: CheckContext): Promise<CheckOutcome> {
  await context.run(process.execPath, [...sourceFlags(), "bench/run.ts", "fan-out-1gib", "--quick", "--out", context.scratch]);
  return {};
}
