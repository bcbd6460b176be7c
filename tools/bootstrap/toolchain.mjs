// Decides which Node and which pnpm a command runs with, and brings those that are missing.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { installTool, SetupError } from "./npm.mjs";

/** The packages run from here on: the first releases of each line with zstd in node:zlib and `require` of ES modules without a flag. */
const oldestNode = new Map([
  [22, 15],
  [23, 8],
]);

/** The first releases of each line that strip types without a flag; the flag may be gone from later lines. */
const stripsTypes = new Map([
  [22, 18],
  [23, 6],
]);

/** @param {string} version such as 22.15.0 */
export function recentEnough(version) {
  return reaches(version, oldestNode);
}

/**
 * What a Node of this version is given to run TypeScript sources as they are: by the export condition that leads to them, with types stripped.
 * @param {string} version
 */
export function sourceFlags(version = process.versions.node) {
  const strip = reaches(version, stripsTypes) ? [] : ["--experimental-strip-types"];
  return ["--conditions=@omni/source", ...strip, "--disable-warning=ExperimentalWarning"];
}

/**
 * @param {string} version
 * @param {ReadonlyMap<number, number>} firstMinors
 */
function reaches(version, firstMinors) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return minor >= (firstMinors.get(major) ?? (major > Math.max(...firstMinors.keys()) ? 0 : Number.POSITIVE_INFINITY));
}

/**
 * The Node to use: the one that runs this file when it is recent enough, else the one that `.node-version` pins.
 *
 * @param {{ root: string, cache: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ executable: string, version: string }>}
 */
export async function bringNode({ root, cache, env }) {
  if (recentEnough(process.versions.node)) return { executable: process.execPath, version: process.versions.node };
  const version = readFileSync(join(root, ".node-version"), "utf8").trim();
  return { executable: await nodeVersion({ version, cache, env }), version };
}

/**
 * A Node of a given version, from the npm package `node`, or from the platform's own package where npm does not run install scripts.
 *
 * @param {{ version: string, cache: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} path of the executable
 */
export async function nodeVersion({ version, cache, env }) {
  const folder = await installTool({ cache, folder: `node-${version}`, spec: `node@${version}`, env });
  const executable = join(folder, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(executable) && answers(executable)) return executable;
  const platform = process.platform === "win32" ? "win" : process.platform;
  const name = `${platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"}-${platform}-${process.arch}`;
  const own = await installTool({ cache, folder: `${name}-${version}`, spec: `${name}@${version}`, env });
  const fallback = join(own, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (answers(fallback)) return fallback;
  throw new SetupError(
    `omni: Node ${version} was installed but does not run (${fallback}); install Node 22.15 or newer yourself and run again`,
  );
}

/**
 * The pnpm that package.json pins, as a native program that needs no install script.
 *
 * @param {{ root: string, cache: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} path of the executable
 */
export async function bringPnpm({ root, cache, env }) {
  const pin = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager;
  const folder = await installTool({ cache, folder: pin.replace("@", "-"), spec: pin, env });
  const { platform, arch } = process;
  const file = platform === "win32" ? "pnpm.exe" : "pnpm";
  const names = [`exe.${platform}-${arch}`, `exe.${platform}-${arch}-musl`].map((name) =>
    join(folder, "node_modules", "@pnpm", name, file),
  );
  const executable = [...names, join(folder, "node_modules", "pnpm", file)].find((path) => existsSync(path) && answers(path));
  if (executable) return executable;
  throw new SetupError(
    `omni: ${pin} was installed but does not run on ${platform}-${arch} (looked in ${dirname(names[0] ?? folder)})`,
  );
}

/** @param {string} executable */
function answers(executable) {
  return spawnSync(executable, ["--version"], { stdio: "ignore" }).status === 0;
}
