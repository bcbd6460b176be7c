// `npm test`, `npm run checks`, `npm run verify:full`: picks checks from the table and runs them.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { cacheFolder } from "../bootstrap/cache.mjs";
import { type Check, type Tier, tiers } from "./check.ts";
import { runChecks } from "./runner.ts";
import { checks } from "./table.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const usage = `checks list                      every check, its tiers and its budget
checks test [package | jest args]     what npm test runs
checks push [name ...]                what CI runs
checks full [name ...] [--force]      the full counts; results in docs/verification
checks only name ...                  single checks, with the numbers of npm test`;

async function main(words: readonly string[]): Promise<number> {
  const [verb = "", ...rest] = words;
  if (verb === "list") return list();
  const env = process.env;
  const settings = { root, cache: cacheFolder(env, root), env };
  if (verb === "test") return run(inTier("test"), { ...settings, tier: "test", args: rest });
  if (verb === "only") return run(named(checks, rest), { ...settings, tier: "test" });
  if (verb !== "push" && verb !== "full") {
    console.error(verb === "" ? usage : `unknown verb "${verb}"\n${usage}`);
    return 2;
  }
  const names = rest.filter((word) => !word.startsWith("-"));
  const unknown = rest.filter((word) => word.startsWith("-") && word !== "--force");
  if (unknown.length > 0) throw new RangeError(`unknown option ${unknown.join(" ")}\n${usage}`);
  const chosen = names.length > 0 ? named(inTier(verb), names) : inTier(verb);
  return run(chosen, { ...settings, tier: verb, force: rest.includes("--force") });
}

async function run(chosen: readonly Check[], settings: Parameters<typeof runChecks>[1]): Promise<number> {
  const totals = await runChecks(chosen, settings);
  return totals.failed > 0 ? 1 : 0;
}

function inTier(tier: Tier): readonly Check[] {
  return checks.filter((check) => check.tiers.includes(tier));
}

function named(among: readonly Check[], names: readonly string[]): readonly Check[] {
  if (names.length === 0) throw new RangeError(`which check? One of: ${among.map((check) => check.name).join(", ")}`);
  return names.map((name) => {
    const found = among.find((check) => check.name === name);
    if (!found) throw new RangeError(`unknown check "${name}"; one of: ${among.map((check) => check.name).join(", ")}`);
    return found;
  });
}

function list(): number {
  for (const tier of tiers) {
    console.log(`${tier}:`);
    for (const check of inTier(tier))
      console.log(`  ${check.name.padEnd(20)} ${String(check.budgetSeconds).padStart(5)} s  ${check.about}`);
  }
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof RangeError ? error.message : error);
  process.exitCode = 2;
}
