// Runs jest and reads its counts. Jest's own flags (ES modules in its VM) are set here and nowhere else.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";
import { flakyLines, type SuiteResult, secondRun } from "./second-run.ts";

/** The flags of a Node that runs the tests; worker processes inherit them. */
export const jestNodeOptions = "--experimental-vm-modules --disable-warning=ExperimentalWarning";

export interface JestOptions {
  /** Jest's own arguments: path patterns, `-t` ... */
  readonly args: readonly string[];
  /** @default the Node that runs the checks */
  readonly node?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly live?: boolean;
}

interface JestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly SuiteResult[];
}

export async function runJest(context: CheckContext, options: JestOptions): Promise<CheckOutcome> {
  const results = await reportOf(context, options);
  const counts = countsOf(results);
  const failed = counts.failed > 0 ? secondRun(context.root, results.testResults) : [];
  const again = failed.length > 0 ? await reportOf(context, { ...options, args: alone(failed) }) : undefined;
  if (!again?.success) return judged(results, counts, options);
  const flaky = flakyLines(context.root, failed);
  for (const line of flaky) context.log(line);
  return { ...counts, passed: counts.passed + counts.failed, failed: 0, note: flaky.join("\n") };
}

function alone(suites: readonly SuiteResult[]): readonly string[] {
  return ["--runInBand", "--runTestsByPath", ...suites.map(({ name }) => name)];
}

function judged(results: JestReport, counts: Counts, options: JestOptions): CheckOutcome {
  if (counts.failed > 0) throw new CheckFailure(`${counts.failed} failed`, counts);
  if (counts.passed === 0) throw new CheckFailure(`no test ran for ${options.args.join(" ") || "the whole repository"}`, counts);
  if (!results.success)
    throw new CheckFailure("jest reports a failure outside of the tests (see the log)", { ...counts, failed: 1 });
  return counts;
}

async function reportOf(context: CheckContext, options: JestOptions): Promise<JestReport> {
  const report = join(context.scratch, "jest.json");
  rmSync(report, { force: true });
  const args = [
    join(context.root, "node_modules", "jest", "bin", "jest.js"),
    "--json",
    `--outputFile=${report}`,
    // Jest takes no number of workers beside its own flag for none.
    ...(options.args.includes("--runInBand") ? [] : [`--maxWorkers=${workers()}`]),
    ...options.args,
  ];
  const env = { NODE_OPTIONS: jestNodeOptions, ...options.env };
  await context.run(options.node ?? process.execPath, args, {
    env,
    live: options.live ?? false,
    okCodes: [0, 1],
    lastWords: "Jest did not exit",
  });
  if (!existsSync(report))
    throw new CheckFailure(`jest made no report: no test matches ${options.args.join(" ")}, or it broke off (see the log)`);
  return JSON.parse(readFileSync(report, "utf8")) as JestReport;
}

/** Jest keeps a core for itself, which on two cores leaves one; more than four start more servers than they save time. */
function workers(): number {
  // One more than there are cores: some suites do little but wait for their server.
  return Math.min(4, availableParallelism() + 1);
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

function countsOf(report: JestReport): Counts {
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
