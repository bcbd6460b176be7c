/** The command line. */
import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { installChromium, probeChromium } from "./chromium.ts";
import { type InstanceRecord, instances, isRunning, memory } from "./instance.ts";
import { isAbsent } from "./kind.ts";
import { kindOf } from "./kinds.ts";
import { endKeeper, keepUntil, removeOne } from "./owners.ts";
import { cacheDirectory, runDirectory, upOwner } from "./places.ts";
import { findServer, server, startBy } from "./server.ts";
import { everyRun, pins, type ServerName, serverNames, versionLines } from "./versions.ts";

const usage = `usage: npm run servers -- COMMAND [NAME...] [--ttl-minutes N] [--json]

  install [NAME...]   fetch the pinned programs into the cache (Go, Maven); a name of the full tier (ceph) may install Debian packages
  up [NAME...]        start servers that tests then share; they end by "down", or after --ttl-minutes (default 240)
  down [NAME...]      stop what "up" of this clone started, and nothing else
  status              what is installed and what runs
  check NAME...       s3, ceph, gcs: what the server does of the things that the tests rely on

  Names: ${serverNames.join(" ")}. Without names: ${everyRun.join(" ")}.
  install also knows chromium, the browser of the page tests, and brings it when it is given no names (Debian, root).
  A server that cannot be had is skipped with a line that says why; with OMNI_REQUIRE_SERVERS=1 it is an error.
`;

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Runs one command and gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      "ttl-minutes": { type: "string", default: "240" },
      json: { type: "boolean", default: false },
      help: { type: "boolean" },
    },
  });
  const [command, ...words] = positionals;
  const browser = command === "install" && (words.length === 0 || words.includes("chromium"));
  const servers = command === "install" ? words.filter((word) => word !== "chromium") : words;
  const names = (words.length > 0 ? servers : everyRun).map((word) => kindOf(word).name);
  if (values.help || command === undefined) {
    say(usage);
    return values.help ? 0 : 2;
  }
  if (!values.json) for (const line of versionLines()) say(line);
  if (command === "install") return install(names, browser);
  if (command === "up") return up(names, ttl(values["ttl-minutes"]), values.json);
  if (command === "down") return down(words.length > 0 ? names : serverNames);
  if (command === "status") return status(values.json);
  if (command === "check") return check(names);
  process.stderr.write(`no command is called "${command}"\n${usage}`);
  return 2;
}

function ttl(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0)) throw new Error(`--ttl-minutes takes a number above 0, not "${text}"`);
  return minutes * 60_000;
}

/** A server that cannot be had: a line, or an error when servers are required. */
function missing(line: string): boolean {
  process.stderr.write(`${line}\n`);
  return ["1", "true"].includes(process.env.OMNI_REQUIRE_SERVERS ?? "");
}

async function install(names: readonly ServerName[], browser: boolean): Promise<number> {
  let failed = false;
  for (const name of names) {
    const begun = performance.now();
    try {
      await kindOf(name).install(say);
      say(`installed: ${name} ${pins[name].version} in ${cacheDirectory()} (${Math.round(performance.now() - begun)} ms)`);
    } catch (error) {
      failed = missing(`skipped: ${name} (${(error as Error).message})`) || failed;
    }
  }
  if (browser) failed = (await bringChromium()) || failed;
  return failed ? 1 : 0;
}

async function bringChromium(): Promise<boolean> {
  try {
    await installChromium(say);
    const found = await probeChromium();
    if (isAbsent(found)) throw new Error(found.why);
    say(`installed: chromium ${found.version} at ${found.command}`);
    return false;
  } catch (error) {
    return missing(`skipped: chromium (${(error as Error).message})`);
  }
}

async function up(names: readonly ServerName[], ttlMs: number, json: boolean): Promise<number> {
  let failed = false;
  await sweep();
  const runs = new Set((await mine()).map((record) => record.name));
  await mkdir(runDirectory(), { recursive: true });
  await keepUntil(upOwner(), new Date(Date.now() + ttlMs));
  for (const name of names) {
    if (runs.has(name)) continue;
    try {
      failed = (await upOne(name)) || failed;
    } catch (error) {
      process.stderr.write(`failed: ${name}: ${(error as Error).message}\n`);
      failed = true;
    }
  }
  const records = await mine();
  if (records.length > 0)
    await keepUntil(upOwner(), new Date(Date.now() + ttlMs)); // again: their time begins when they run
  else await endKeeper(upOwner());
  if (json) say(JSON.stringify(records, undefined, 2));
  else for (const record of records) say(line(record));
  return failed ? 1 : 0;
}

async function upOne(name: ServerName): Promise<boolean> {
  const kind = kindOf(name);
  const elsewhere = kind.environment(process.env);
  if (elsewhere) {
    say(`${name} is at ${elsewhere.url} (environment)`);
    return false;
  }
  if (everyRun.includes(name) && isAbsent(await kind.probe())) await kind.install(say).catch((error: Error) => say(error.message));
  const way = await findServer(name, { private: true });
  if ("skipped" in way) return missing(way.skipped);
  if (way.by === "docker" || way.by === "program") await startBy(kind, way, upOwner(), {});
  return false;
}

async function down(names: readonly ServerName[]): Promise<number> {
  await sweep();
  for (const record of await mine()) {
    if (!names.includes(record.name)) continue;
    await removeOne(record);
    say(`stopped: ${record.name} ${record.id}`);
  }
  if ((await mine()).length === 0) await endKeeper(upOwner());
  return 0;
}

async function status(json: boolean): Promise<number> {
  const all = await instances();
  if (json) {
    say(JSON.stringify(all, undefined, 2));
    return 0;
  }
  for (const name of serverNames) {
    const way = await findServer(name, { private: true });
    if ("skipped" in way) say(way.skipped);
    else
      say(
        `available: ${name} (${way.by === "program" ? `${way.program.from} ${way.program.command} ${way.program.version}` : way.by})`,
      );
  }
  const browser = await probeChromium();
  if (isAbsent(browser)) say(`skipped: chromium (${browser.why}; ${browser.remedy})`);
  else say(`available: chromium (${browser.from} ${browser.command} ${browser.version})`);
  for (const record of all) say(`${line(record)}${record.owner === upOwner() ? "" : `  (${record.owner})`}`);
  if (all.length === 0) say(`nothing runs (${runDirectory()})`);
  return 0;
}

/** Runs the checks of a server on an instance of its own and shows what failed; what a server lacks is a finding, not an error. */
async function check(names: readonly ServerName[]): Promise<number> {
  const [{ checkS3 }, { checkGcs }] = await Promise.all([import("../checks/s3.ts"), import("../checks/gcs.ts")]); // they load two SDKs
  for (const name of names) {
    const act = name === "gcs" ? checkGcs : name === "s3" || name === "ceph" ? checkS3 : undefined;
    if (!act) continue;
    const running = await server(name, { private: true });
    try {
      const found = await act(running);
      say(`${name} ${running.version}: ${found.passed()} of ${found.passed() + found.failed.length}`);
      for (const title of found.failed) say(`  not: ${title}`);
    } finally {
      await running.stop();
    }
  }
  return 0;
}

async function mine(): Promise<InstanceRecord[]> {
  return (await instances()).filter((record) => record.owner === upOwner());
}

/** Removes what is left of servers of this clone that died by themselves. */
async function sweep(): Promise<void> {
  for (const record of await mine()) if (!record.project && !(await isRunning(record))) await removeOne(record);
}

function line(record: InstanceRecord): string {
  const mib = Math.round(memory(record) / 2 ** 20);
  return `running: ${record.name.padEnd(9)} ${record.endpoint.url}  ${record.version} from ${record.from}, started in ${record.startMs} ms, ${mib} MiB`;
}
