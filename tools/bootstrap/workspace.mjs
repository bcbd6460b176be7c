// Installs the workspace's dependencies when something that decides them has changed since the last time.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { withLock } from "./cache.mjs";
import { npmSetting, SetupError } from "./npm.mjs";

/**
 * @param {{ root: string, pnpm: string, env: NodeJS.ProcessEnv }} options
 */
export async function installWorkspace({ root, pnpm, env }) {
  const stamp = join(root, "node_modules", ".omni-installed");
  if (installed(root, stamp)) return;
  await withLock(join(root, ".cache"), "install", async () => {
    if (installed(root, stamp)) return;
    const started = Date.now();
    console.error("omni: installing the workspace's dependencies (pnpm install --frozen-lockfile)");
    const args = ["install", "--frozen-lockfile", ...(process.stderr.isTTY ? [] : ["--reporter=append-only"])];
    // Progress belongs to the terminal, not to the command's own output.
    const child = spawn(pnpm, args, { cwd: root, env: pnpmEnv(env), stdio: ["ignore", 2, 2] });
    const code = await new Promise((done, failed) => child.on("error", failed).on("close", done));
    if (code !== 0) {
      const registry = npmSetting("registry", env) ?? "npm's default";
      throw new SetupError(
        `omni: pnpm install ended with ${code} (its own words stand above; registry ${registry}). An outdated lockfile is mended by \`npm run pnpm -- install\`, a network error by running the command again.`,
      );
    }
    writeFileSync(stamp, fingerprint(root));
    console.error(`omni: dependencies ready in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  });
}

/**
 * @param {string} root
 * @param {string} stamp
 */
function installed(root, stamp) {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint(root);
}

/**
 * Everything that decides what is installed: lockfile, settings, and each workspace folder being there (its links are made by the install).
 * @param {string} root
 */
function fingerprint(root) {
  const hash = createHash("sha256");
  for (const name of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(readFileSync(join(root, name)));
  hash.update(`${process.platform}-${process.arch}`);
  for (const group of ["packages", "examples", "tools"]) {
    const path = join(root, group);
    for (const name of existsSync(path) ? readdirSync(path).sort() : []) {
      if (existsSync(join(path, name, "package.json"))) hash.update(`${group}/${name}\n`);
    }
  }
  return hash.digest("hex");
}

/**
 * What npm reaches, pnpm reaches: where npm is told about a registry, a certificate or a proxy, pnpm is told the same.
 * @param {NodeJS.ProcessEnv} env
 */
export function pnpmEnv(env) {
  const handed = { ...env };
  for (const name of ["registry", "cafile", "proxy", "https-proxy", "noproxy"]) {
    const value = npmSetting(name, env);
    if (value === undefined) continue;
    handed[`npm_config_${name.replace("-", "_")}`] ??= value;
    handed[`pnpm_config_${name.replace("-", "_")}`] ??= value;
  }
  return handed;
}
