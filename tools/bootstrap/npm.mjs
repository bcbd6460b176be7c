// Installs single tools from the npm registry with the npm that came with the user's Node.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";

import { withLock } from "./cache.mjs";

/** An error whose message is meant for the person at the terminal; no stack is printed. */
export class SetupError extends Error {}

/**
 * Installs one package into `<cache>/<folder>` unless it is there, and returns that folder.
 *
 * npm runs **in** the folder and is never given `--prefix`: the prefix also decides where npm looks for its global configuration, so a
 * machine's own certificate or registry setting would be lost.
 *
 * @param {{ cache: string, folder: string, spec: string, env: NodeJS.ProcessEnv, args?: string[] }} options
 */
export async function installTool({ cache, folder, spec, env, args = [] }) {
  const target = join(cache, folder);
  if (existsSync(target)) return target;
  return withLock(cache, folder, async () => {
    if (existsSync(target)) return target;
    const started = Date.now();
    console.error(`omni: fetching ${spec} from the npm registry (once; kept in ${cache})`);
    const temporary = mkdtempSync(join(cache, `${folder}.tmp-`));
    try {
      writeFileSync(join(temporary, "package.json"), '{ "private": true }\n');
      await npm(
        ["install", "--no-save", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", ...args, spec],
        temporary,
        env,
      );
      renameSync(temporary, target);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
    console.error(`omni: ${spec} ready in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return target;
  });
}

/**
 * @param {string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 */
async function npm(args, cwd, env) {
  const [command, ...before] = npmCommand(env);
  const child = spawn(command, [...before, ...args], {
    cwd,
    env: npmEnv(env),
    stdio: ["ignore", "pipe", "pipe"],
    shell: needsShell(command),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await new Promise((done, failed) => child.on("error", failed).on("close", done)).catch((error) => {
    throw new SetupError(`npm could not be started (${error.code ?? error.message}): put npm on the PATH, it comes with Node`);
  });
  if (code !== 0) throw new SetupError(explain(args.at(-1) ?? "", output, env));
}

/**
 * The npm that started us, else the one beside this Node or on the PATH.
 * @param {NodeJS.ProcessEnv} env
 * @returns {[string, ...string[]]}
 */
function npmCommand(env) {
  const cli = env.npm_execpath;
  if (cli && basename(cli) === "npm-cli.js" && existsSync(cli)) return [process.execPath, cli];
  return [process.platform === "win32" ? "npm.cmd" : "npm"];
}

/** Node refuses to start a .cmd file without a shell. @param {string} command */
function needsShell(command) {
  return command.endsWith(".cmd");
}

/**
 * `npm run` hands its own folder and lifecycle down in the environment; an inner npm must not take them for its own.
 * @param {NodeJS.ProcessEnv} env
 */
function npmEnv(env) {
  const own = /^npm_(lifecycle_|package_|command$|config_(local_prefix|prefix|global_prefix|globalconfig|omit|include|workspace))/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}

/**
 * @param {string} spec
 * @param {string} output
 * @param {NodeJS.ProcessEnv} env
 */
function explain(spec, output, env) {
  const code = /\b(E[A-Z0-9_]{3,}|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_[A-Z_]+|CERT_[A-Z_]+)\b/.exec(output)?.[1] ?? "unknown";
  const remedy =
    code === "E404" || code === "ETARGET"
      ? `the registry does not have ${spec}`
      : /CERT|UNABLE_TO/.test(code)
        ? "the registry's certificate is not trusted: set npm's `cafile`"
        : "check the connection, or npm's `registry` and `proxy` settings";
  const registry = npmSetting("registry", env) ?? "npm's default";
  return `${output.trim()}\n\nomni: ${spec} could not be installed from the npm registry (${registry}; ${code}): ${remedy}. Nothing was changed; run the command again.`;
}

/**
 * One of npm's settings on this machine, undefined when it has none.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 */
export function npmSetting(name, env) {
  const [command, ...before] = npmCommand(env);
  const answer = spawnSync(command, [...before, "config", "get", name], {
    env: npmEnv(env),
    encoding: "utf8",
    shell: needsShell(command),
  });
  const value = answer.status === 0 ? answer.stdout.trim() : "";
  return value === "" || value === "null" || value === "undefined" ? undefined : value;
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} folders put before everything else on the PATH
 */
export function withPath(env, folders) {
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  return { ...env, [name]: [...folders, ...(env[name] ? [env[name]] : [])].join(delimiter) };
}

/** @param {string} folder */
export function ensureFolder(folder) {
  mkdirSync(folder, { recursive: true });
  return folder;
}
