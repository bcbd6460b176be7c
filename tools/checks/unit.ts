// The unit tests: on the Node that runs the checks, and on the oldest line that the packages support.
import { existsSync } from "node:fs";
import { join } from "node:path";

import { nodeVersion } from "../bootstrap/toolchain.mjs";
import type { CheckContext, CheckOutcome } from "./check.ts";
import { CheckFailure } from "./check.ts";
import { runJest } from "./jest.ts";

/** The release of the Node 22 line that the tests run on beside the present one. */
export const node22 = "22.23.3";

/** `npm test -- memory file` runs those packages' tests; words that name no package are jest's. */
export function jestArgs(root: string, words: readonly string[]): readonly string[] {
  return words.map((word) => {
    const folder = /^[\w-]+$/.test(word) && ["packages", "examples", "tools"].find((group) => existsSync(join(root, group, word)));
    if (folder) return `${folder}/${word}/`;
    return word === "bench" || word === "tools" ? `${word}/` : word;
  });
}

export async function unitTests(context: CheckContext): Promise<CheckOutcome> {
  return runJest(context, {
    args: jestArgs(context.root, context.args),
    live: true,
    env: { FORCE_COLOR: process.stderr.isTTY ? "1" : undefined },
  });
}

/** What the tests on Node 22 leave out: long suites on real servers and of killed processes, which tell of those and not of Node. */
const serverSuites = [
  "/node_modules/",
  "\\.full\\.test\\.ts$",
  "/(s3|gcs|sftp|queue-nats|queue-kafka)/test/(kit|broker-stops|consumer-kills|crash|faults|many-objects)\\.test\\.ts$",
  "/(queue-kafka/test/secure|consumer/test/two-processes)\\.test\\.ts$",
  "/(queue-composite|ingest)/test/(broker-stops|on-brokers|brokers)\\.test\\.ts$",
  "/(multi/test/(read-failover|journal/crash/.*)|sync/test/(crash|network)/.*|cloud/test/migrating/real/.*)\\.test\\.ts$",
  "/cli/test/(groups|queues|s3|sign)\\.test\\.ts$",
  "/tools/(servers/test/lifecycle|snippets/test/pages)\\.test\\.ts$",
  "/examples/multi-cloud-upload/test/(page|upload)\\.test\\.ts$",
  // Fastify's `inject` requires an ES module, which jest can do from Node 24.9 on; the services themselves run on Node 22.
  "/examples/ingest/test/(gateway|ingest|processor)\\.test\\.ts$",
];

export async function unitTestsOnNode22(context: CheckContext): Promise<CheckOutcome> {
  const node = await nodeVersion({ version: node22, cache: context.cache, env: context.env });
  // The numbers of `npm test`: the push tier's thousands of runs are made once, on the present Node.
  const args = serverSuites.map((pattern) => `--testPathIgnorePatterns=${pattern}`);
  const outcome = await runJest(context, { node, args, env: { OMNI_TIER: "test", OMNI_KILLS: undefined } });
  return { ...outcome, note: [`Node ${node22}`, outcome.note ?? []].flat().join("\n") };
}

/** The test command of the README, typed as it stands there. */
export async function readmeTestCommand(context: CheckContext): Promise<CheckOutcome> {
  const output = await context.run("npm", ["test"], { okCodes: [0, 1] });
  const closing = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m.exec(output);
  if (!closing) throw new CheckFailure("npm test did not end with its closing line");
  const [passed, failed, skipped] = closing.slice(1).map((count) => Number(count ?? 0)) as [number, number, number];
  if (failed > 0) throw new CheckFailure(`${failed} failed`, { passed, failed, skipped });
  const flaky = new Set(output.match(/flaky: .*$/gm));
  return { passed, failed, skipped, ...(flaky.size > 0 ? { note: [...flaky].join("\n") } : {}) };
}
