// How many runs a property test makes, and which seeds it repeats: one answer for every property test in the repository.
import { appendFileSync, readFileSync } from "node:fs";

/** Failed seeds are kept in the repository, so that a failure found once is tried again for ever. */
const failedSeedsFile = new URL("../../checks/failed-seeds.json", import.meta.url);

/** What a property test asks for. */
export interface PropertyOptions {
  /** Name of the property, unique in the repository and stable: failed seeds are filed under it. */
  readonly name: string;
  /**
   * Runs with fresh seeds on every push.
   * @default 1000
   */
  readonly push?: number;
  /**
   * Runs when somebody types `npm test`.
   * @default the smaller of 100 and `push`
   */
  readonly test?: number;
}

/** What fast-check is given. */
export interface PropertyRuns {
  /** How many runs, from a fresh seed. */
  readonly numRuns: number;
  /** The fresh seed, first, and every seed that ever failed this property: run the property once with each. */
  readonly seeds: readonly number[];
  /** Parameters for `fc.assert`, one for each seed: `for (const parameters of runs.parameters) await fc.assert(property, parameters)`. */
  readonly parameters: readonly PropertyParameters[];
}

/** The part of fast-check's parameters that is decided here. */
export interface PropertyParameters {
  readonly seed: number;
  readonly numRuns: number;
  /** Explains a failure: the seed, and the line that keeps it. */
  readonly reporter: (details: PropertyDetails) => void;
}

/** The part of fast-check's run details that a report needs. */
export interface PropertyDetails {
  readonly failed: boolean;
  readonly seed: number;
  readonly numRuns: number;
  readonly numShrinks: number;
  readonly counterexamplePath: string | null;
  readonly counterexample: unknown;
  readonly errorInstance: unknown;
}

/**
 * Decides the runs of one property: `OMNI_RUNS` and `OMNI_SEED` when set, else by tier (`OMNI_TIER=push` runs `push`, otherwise `test`).
 *
 * @throws RangeError when `OMNI_RUNS` or `OMNI_SEED` is set to something that is not a whole number
 */
export function propertyRuns(options: PropertyOptions, env: NodeJS.ProcessEnv = process.env): PropertyRuns {
  const push = options.push ?? 1000;
  const numRuns = wholeNumber(env, "OMNI_RUNS") ?? (env.OMNI_TIER === "push" ? push : (options.test ?? Math.min(100, push)));
  const fresh = wholeNumber(env, "OMNI_SEED") ?? freshSeed();
  const seeds = [fresh, ...failedSeeds(options.name).filter((seed) => seed !== fresh)];
  const reporter = (details: PropertyDetails): void => report(options.name, details);
  // A kept seed failed within the runs of some earlier day; the push tier's number is enough to reach it.
  return {
    numRuns,
    seeds,
    parameters: seeds.map((seed) => ({ seed, numRuns: seed === fresh ? numRuns : Math.min(numRuns, push), reporter })),
  };
}

/** What a crash harness asks for. */
export interface KillOptions {
  /**
   * Kills on every push.
   * @default 20
   */
  readonly push?: number;
  /**
   * Kills when somebody types `npm test`.
   * @default 3
   */
  readonly test?: number;
}

/**
 * How many times a crash harness kills: `OMNI_KILLS` when set, else by tier. The harness tells how many it made by {@link recordCounts}.
 *
 * @throws RangeError when `OMNI_KILLS` is set to something that is not a whole number
 */
export function killRuns(options: KillOptions = {}, env: NodeJS.ProcessEnv = process.env): number {
  return wholeNumber(env, "OMNI_KILLS") ?? (env.OMNI_TIER === "push" ? (options.push ?? 20) : (options.test ?? 3));
}

/** The seeds that once failed the named property. */
export function failedSeeds(name: string, file: URL = failedSeedsFile): readonly number[] {
  const kept = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, readonly number[]>>;
  return kept[name] ?? [];
}

/**
 * Adds counts to the result of the running check (`OMNI_RESULT_FILE`); does nothing when no check asked for them. Numbers of one name add up,
 * so every test of a harness may call it. Properties run through {@link propertyRuns} are counted without a call.
 */
export function recordCounts(counts: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv = process.env): void {
  if (env.OMNI_RESULT_FILE) appendFileSync(env.OMNI_RESULT_FILE, `${JSON.stringify(counts)}\n`);
}

function report(name: string, details: PropertyDetails): void {
  if (!details.failed) {
    recordCounts({ [name]: details.numRuns });
    return;
  }
  const error = details.errorInstance;
  const lines = [
    `Property "${name}" failed after ${details.numRuns} runs and ${details.numShrinks} shrinks.`,
    `  again: OMNI_SEED=${details.seed} npm test -- <package>   (path ${details.counterexamplePath ?? "none"})`,
    `  keep:  "${name}": [${[...failedSeeds(name), details.seed].join(", ")}]   in tools/checks/failed-seeds.json`,
    `  counterexample: ${describe(details.counterexample)}`,
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  ];
  throw new Error(lines.join("\n"), { cause: error });
}

function describe(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
  return text === undefined ? String(value) : text.slice(0, 4000);
}

/** Fresh on every run, and a 32-bit integer as fast-check wants it. */
function freshSeed(): number {
  return Math.trunc(Math.random() * 0x7fff_ffff);
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${name}=${text}: expected a whole number`);
  return value;
}
