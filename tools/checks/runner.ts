// Runs checks one after the other, tells each one's name, time and end, and closes with one line of counts.
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Check, type CheckContext, CheckFailure, type CheckOutcome, type RunOptions, type Tier } from "./check.ts";
import { inputsDigest } from "./inputs.ts";
import { runProcess } from "./process.ts";
import { standing, writeResult } from "./results.ts";

export interface RunSettings {
  readonly root: string;
  readonly cache: string;
  readonly tier: Tier;
  readonly args?: readonly string[];
  /** Full tier: makes a check again although its result is current. */
  readonly force?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly print?: (line: string) => void;
  /** @default performance.now */
  readonly now?: () => number;
}

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** @returns the totals; a failure is one that is above zero in `failed` */
export async function runChecks(checks: readonly Check[], settings: RunSettings): Promise<Totals> {
  const print = settings.print ?? console.log;
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  const started = clock(settings);
  for (const check of checks) {
    add(totals, await runOne(check, settings, print));
    if (interrupted) break;
  }
  print(`\n${settings.tier}: ${checks.length} checks in ${seconds(clock(settings) - started)}`);
  print(closingLine(totals));
  return totals;
}

/** The one line a run ends with. */
export function closingLine(totals: Totals): string {
  return `${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ""}`;
}

/** Somebody wants the whole run to end. */
class Interruption extends CheckFailure {}
let interrupted = false;

/** One check on its way. */
interface Attempt {
  readonly check: Check;
  readonly settings: RunSettings;
  readonly print: (line: string) => void;
  readonly logFile: string;
  /** Set when its result is to be recorded: the digest of the inputs as they were when it began. */
  readonly inputs?: string;
  readonly seed: number;
  readonly startedAt: Date;
  readonly started: number;
  readonly signal: AbortSignal;
  /** The terminal has had the output already. */
  shown: boolean;
}

async function runOne(check: Check, settings: RunSettings, print: (line: string) => void): Promise<Totals> {
  const recorded = settings.tier === "full" ? check.inputs : undefined;
  if (recorded && !settings.force && standing(settings.root, check).state === "current") {
    print(`= ${check.name}: already verified for these inputs (--force repeats it)`);
    return { passed: 1, failed: 0, skipped: 0 };
  }
  print(`> ${check.name}: ${check.about}`);
  const stop = new AbortController();
  const reason = new CheckFailure(`stopped after twice its budget of ${check.budgetSeconds} s`);
  const limit = setTimeout(() => stop.abort(reason), check.budgetSeconds * 2000);
  const unhook = stopOnSignals(stop);
  const attempt: Attempt = {
    check,
    settings,
    print,
    logFile: freshLog(check, settings),
    ...(recorded ? { inputs: inputsDigest(settings.root, recorded) } : {}),
    seed: seedOf(settings),
    startedAt: new Date(),
    started: clock(settings),
    signal: stop.signal,
    shown: false,
  };
  try {
    return succeeded(attempt, await check.run(contextFor(attempt)));
  } catch (error) {
    interrupted ||= error instanceof Interruption;
    return failed(attempt, error);
  } finally {
    clearTimeout(limit);
    unhook();
  }
}

function succeeded(attempt: Attempt, outcome: CheckOutcome): Totals {
  const { check, settings, print, inputs, seed, startedAt } = attempt;
  const took = clock(settings) - attempt.started;
  if (outcome.skip !== undefined) return skipped(attempt, outcome.skip);
  if (took > check.budgetSeconds * 1000) {
    const words = `took ${seconds(took)}, its budget is ${check.budgetSeconds} s`;
    if (settings.tier === "push") throw new CheckFailure(words, outcome);
    print(`  ${check.name} ${words}`);
  }
  if (inputs !== undefined) {
    const counts = outcome.counts ?? { passed: outcome.passed ?? 1 };
    print(`  recorded ${writeResult(settings.root, { check, counts, seed, startedAt, durationSeconds: took / 1000, inputs })}`);
  }
  print(`✓ ${check.name} (${seconds(took)})${outcome.note ? `: ${outcome.note}` : ""}`);
  return { passed: outcome.passed ?? 1, failed: outcome.failed ?? 0, skipped: outcome.skipped ?? 0 };
}

function contextFor(attempt: Attempt): CheckContext {
  const { check, settings, logFile, signal, seed } = attempt;
  const { root, cache, tier, args = [] } = settings;
  const scratch = join(root, ".cache", "checks", tier, check.name);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const given = settings.env ?? process.env;
  const env = {
    ...given,
    // `npm test` inside of the push tier makes the push tier's runs.
    OMNI_TIER: tier === "test" ? (given.OMNI_TIER ?? tier) : tier,
    OMNI_RESULT_FILE: join(scratch, "result.json"),
    OMNI_CHECK_DEPTH: String(Number(given.OMNI_CHECK_DEPTH ?? 0) + 1),
    ...(tier === "full" ? { OMNI_SEED: String(seed) } : {}),
  };
  const run = (command: string, words: readonly string[], options: RunOptions = {}): Promise<string> => {
    attempt.shown ||= options.live ?? false;
    const fullEnv = options.bareEnv ?? { ...env, ...options.env };
    return runProcess(command, words, { ...options, logFile, signal, fullEnv, workingDirectory: options.cwd ?? root });
  };
  const log = (line: string): void => appendFileSync(logFile, `${line}\n`);
  return { root, cache, tier, args, scratch, signal, env, log, run };
}

function freshLog(check: Check, settings: RunSettings): string {
  const folder = join(settings.root, ".cache", "checks", settings.tier);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${check.name}.log`);
  writeFileSync(path, "");
  return path;
}

function skipped({ check, settings, print }: Attempt, reason: string): Totals {
  print(`skipped: ${check.name} (${reason})`);
  // Where everything is required to be there, what could not be checked has failed.
  const required = (settings.env ?? process.env).OMNI_REQUIRE_SERVERS === "1";
  return required ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 };
}

function failed({ check, settings, print, logFile, shown, started }: Attempt, error: unknown): Totals {
  const known = error instanceof CheckFailure;
  const words = known ? error.message : error instanceof Error ? error.stack : String(error);
  print(`✗ ${check.name} (${seconds(clock(settings) - started)}): ${words}`);
  const tail = shown ? [] : readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-300);
  for (const line of tail) print(`  | ${line}`);
  print(`  whole log: ${logFile}`);
  const outcome = known ? error.outcome : {};
  return { passed: outcome.passed ?? 0, failed: Math.max(1, outcome.failed ?? 1), skipped: outcome.skipped ?? 0 };
}

/** Checks run in process groups of their own, so an interrupt at the terminal has to be handed to them. */
function stopOnSignals(stop: AbortController): () => void {
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const hooks = names.map((name) => {
    const hook = (): void => {
      stop.abort(new Interruption(`stopped by ${name}`));
    };
    process.on(name, hook);
    return () => process.removeListener(name, hook);
  });
  return () => {
    for (const unhook of hooks) unhook();
  };
}

function seedOf(settings: RunSettings): number {
  const given = Number((settings.env ?? process.env).OMNI_SEED);
  return Number.isSafeInteger(given) && given > 0 ? given : Math.trunc(Math.random() * 0x7fff_ffff);
}

function add(totals: Totals, more: Totals): void {
  totals.passed += more.passed;
  totals.failed += more.failed;
  totals.skipped += more.skipped;
}

function clock(settings: RunSettings): number {
  return settings.now?.() ?? performance.now();
}

function seconds(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
