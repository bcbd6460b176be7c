// Every check there is. A row is added here, or in full-checks.ts, and nowhere else; `npm run checks -- list` prints the table.

import { apiReports } from "./api-reports.ts";
import { bareCloneQuick } from "./bare-clone.ts";
import type { Check, CheckContext, CheckOutcome } from "./check.ts";
import { clones } from "./clones.ts";
import { demoRuns } from "./demo.ts";
import { docsSite } from "./docs.ts";
import { fullChecks } from "./full-checks.ts";
import { fanOutSmoke } from "./memory.ts";
import { attw, publint, toolsPath } from "./package-checks.ts";
import { rehearsal } from "./rehearsal.ts";
import { readmeTestCommand, unitTests, unitTestsOnNode22 } from "./unit.ts";
import { verification } from "./verification.ts";

/** A check that is one program and its exit code. */
function program(command: string, ...args: readonly string[]): (context: CheckContext) => Promise<CheckOutcome> {
  return async (context) => {
    await context.run(command, args, { env: toolsPath(context) });
    return {};
  };
}

const quickChecks: readonly Check[] = [
  { name: "unit", about: "unit tests", tiers: ["test"], budgetSeconds: 1200, run: unitTests },
  {
    name: "npm-test",
    about: "npm test, as the README says, with the push tier's runs",
    tiers: ["push"],
    budgetSeconds: 1325,
    run: readmeTestCommand,
  },
  { name: "npm-run-demo", about: "npm run demo, as the README says", tiers: ["push"], budgetSeconds: 60, run: demoRuns },
  { name: "unit-node22", about: "unit tests on Node 22", tiers: ["push"], budgetSeconds: 350, run: unitTestsOnNode22 },
  {
    name: "lint",
    about: "Biome: rules and format",
    tiers: ["push"],
    budgetSeconds: 40,
    run: program("biome", "ci", "--colors=off", "."),
  },
  {
    name: "types",
    about: "types of everything, sources and tests",
    tiers: ["push"],
    budgetSeconds: 75,
    run: program("tsc", "-p", "tsconfig.json", "--noEmit", "--pretty", "false"),
  },
  {
    name: "build",
    about: "every package's dist",
    tiers: ["push"],
    budgetSeconds: 100,
    run: program("turbo", "run", "build", "--output-logs=errors-only", "--concurrency=100%"),
  },
  {
    name: "knip",
    about: "unused files, exports and dependencies",
    tiers: ["push"],
    budgetSeconds: 30,
    run: program("knip", "--no-progress", "--no-config-hints"),
  },
  { name: "clones", about: "code that stands twice: none, or explained", tiers: ["push"], budgetSeconds: 60, run: clones },
  { name: "publint", about: "manifests, files and sizes of the packed tarballs", tiers: ["push"], budgetSeconds: 45, run: publint },
  {
    name: "attw",
    about: "types of the packed tarballs as consumers resolve them (ESM only)",
    tiers: ["push"],
    budgetSeconds: 60,
    run: attw,
  },
  { name: "api-reports", about: "the public API beside etc/*.api.md", tiers: ["push"], budgetSeconds: 60, run: apiReports },
  {
    name: "docs",
    about: "the documentation's site, its links and their headings",
    tiers: ["push"],
    budgetSeconds: 140,
    run: docsSite,
  },
  {
    name: "rehearsal",
    about: "publish to a local registry, install and use from fresh folders",
    tiers: ["push"],
    budgetSeconds: 200,
    run: rehearsal,
  },
  {
    name: "bare-clone-quick",
    about: "a fresh clone starts with Node 20, npm and git alone",
    tiers: ["push"],
    budgetSeconds: 100,
    run: bareCloneQuick,
  },
  {
    name: "fan-out-smoke",
    about: "20 MiB through multi to three file members, as the benchmark does it",
    tiers: ["push"],
    budgetSeconds: 45,
    run: fanOutSmoke,
  },
];

export const checks: readonly Check[] = [
  ...quickChecks,
  ...fullChecks,
  {
    name: "verification",
    about: "every count of the full tier has been reached",
    tiers: ["push"],
    budgetSeconds: 10,
    run: async (context) => verification(checks)(context),
  },
];
