// The push tier's look at the full tier: a count that was promised has been reached once, and for which files.
import { type Check, type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";
import { standing } from "./results.ts";

export function verification(checks: readonly Check[]): (context: CheckContext) => Promise<CheckOutcome> {
  return async ({ root, log }) => {
    const full = checks.filter((check) => check.tiers.includes("full") && check.inputs !== undefined);
    const states = full.map((check) => ({ check, ...standing(root, check) }));
    for (const { check, state, result } of states)
      log(`${state}: ${check.name}${result ? ` (${result.commit.slice(0, 12)}, ${result.startedAt})` : ""}`);
    const names = (wanted: string): string =>
      states.flatMap(({ check, state }) => (state === wanted ? [check.name] : [])).join(", ");
    const missing = names("missing");
    if (missing)
      throw new CheckFailure(
        `no result in docs/verification for ${missing}: npm run verify:full -- ${missing.replaceAll(",", "")}`,
      );
    const stale = names("stale");
    return { passed: full.length || 1, ...(stale ? { note: `stale, inputs changed since: ${stale}` } : {}) };
  };
}
