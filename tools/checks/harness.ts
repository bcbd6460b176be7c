// Harnesses of the full tier: tests or programs that make many runs and tell how many in OMNI_RESULT_FILE.
import { existsSync, readFileSync } from "node:fs";

import { type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";
import { runJest } from "./jest.ts";

type Counts = Readonly<Record<string, unknown>>;

/** Environment that a harness obeys; see CONTRIBUTING. */
export interface HarnessNumbers {
  readonly OMNI_RUNS?: string;
  readonly OMNI_KILLS?: string;
}

/** Jest files that count their runs. */
export function jestHarness(paths: readonly string[], numbers: HarnessNumbers): (context: CheckContext) => Promise<CheckOutcome> {
  return async (context) => {
    const outcome = await runJest(context, { args: paths, env: { ...numbers } });
    return { ...outcome, counts: readCounts(context) };
  };
}

/** Jest files that need servers of the full tier; what they count is their cases. A server that cannot be had is a failure. */
export function jestOnServers(paths: readonly string[]): (context: CheckContext) => Promise<CheckOutcome> {
  return async (context) => {
    const outcome = await runJest(context, { args: paths, env: { OMNI_REQUIRE_SERVERS: "1" } });
    return { ...outcome, counts: { cases: outcome.passed } };
  };
}

/**
 * The counts a harness left: one JSON object, or one on each line (several tests of a file append). Numbers of one name are added up.
 *
 * @throws CheckFailure when there are none: a count that was not counted is not a result
 */
export function readCounts(context: Pick<CheckContext, "env">): Counts {
  const path = context.env.OMNI_RESULT_FILE ?? "";
  if (!existsSync(path)) throw new CheckFailure("the harness left no counts in OMNI_RESULT_FILE");
  return mergeCounts(parts(readFileSync(path, "utf8")));
}

function parts(text: string): readonly Counts[] {
  const trimmed = text.trim();
  if (trimmed === "") throw new CheckFailure("the harness left an empty OMNI_RESULT_FILE");
  try {
    return [JSON.parse(trimmed) as Counts];
  } catch {
    return trimmed.split("\n").map((line) => JSON.parse(line) as Counts); // More than one object: one on each line.
  }
}

export function mergeCounts(counts: readonly Counts[]): Counts {
  const merged: Record<string, unknown> = {};
  for (const [name, value] of counts.flatMap((part) => Object.entries(part))) {
    const before = merged[name];
    merged[name] = typeof before === "number" && typeof value === "number" ? before + value : value;
  }
  return merged;
}
