#!/usr/bin/env node
// The way into the repository on a machine that has Node (>= 20) and npm only: brings what is missing, then runs the command.
// Plain JavaScript without dependencies, because nothing is installed yet when it starts.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { cacheFolder } from "./bootstrap/cache.mjs";
import { ensureFolder, SetupError, withPath } from "./bootstrap/npm.mjs";
import { bringNode, bringPnpm, sourceFlags } from "./bootstrap/toolchain.mjs";
import { installWorkspace, pnpmEnv } from "./bootstrap/workspace.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Each command: its program and first words.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const commands = {
  demo: ["examples/replicate/src/index.ts"],
  ingest: ["examples/ingest/src/index.ts"],
  "example:upload": ["examples/multi-cloud-upload/src/index.ts"],
  test: ["tools/checks/cli.ts", "test"],
  checks: ["tools/checks/cli.ts"],
  build: ["tools/checks/cli.ts", "only", "build"],
  lint: ["tools/checks/cli.ts", "only", "lint", "types"],
  servers: ["tools/servers/cli.ts"],
  bench: ["bench/run.ts"],
  "verify:full": ["tools/checks/cli.ts", "full"],
  api: ["tools/checks/api-reports.ts"],
  sizes: ["tools/checks/tarball-sizes.ts"],
  docs: ["docs/.vitepress/site.ts"],
  "docs:build": ["docs/.vitepress/site.ts", "build"],
  "rename-scope": ["tools/scope/rename.ts"],
  "set-repository": ["tools/scope/repository.ts"],
};

async function main() {
  const [command = "", ...args] = process.argv.slice(2);
  const line = command === "pnpm" ? [] : commands[command];
  if (!line) throw new SetupError(`omni: unknown command "${command}"; one of: pnpm, ${Object.keys(commands).join(", ")}`);
  if (!existsSync(join(root, line[0] ?? ""))) throw new SetupError(`omni: ${line[0]} is missing in this checkout`);
  const cache = cacheFolder(process.env, root);
  const base = {
    ...process.env,
    OMNI_CACHE: cache,
    HOME: process.env.HOME || ensureFolder(join(cache, "home")),
    TURBO_TELEMETRY_DISABLED: "1",
  };
  const node = await bringNode({ root, cache, env: base });
  const pnpm = await bringPnpm({ root, cache, env: base });
  const env = withPath(base, [dirname(node.executable), dirname(pnpm), join(root, "node_modules", ".bin")]);
  // Whoever changes a dependency needs pnpm before the lockfile says the same again.
  if (command === "pnpm") return run(pnpm, args, pnpmEnv(env));
  await installWorkspace({ root, pnpm, env });
  await run(node.executable, [...sourceFlags(node.version), ...line, ...args], env);
}

/**
 * Runs the command in this process's place: its output, its exit code, its signals.
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
async function run(program, args, env) {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...env, INIT_CWD: process.env.INIT_CWD ?? process.cwd() },
    stdio: "inherit",
  });
  const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, forward);
  const [code, signal] = await new Promise((done, failed) => child.on("error", failed).on("close", (...end) => done(end)));
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.removeListener(name, forward);
  if (signal) process.kill(process.pid, signal);
  process.exitCode = code ?? 1;
}

main().catch((error) => {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
});
