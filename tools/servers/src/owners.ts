/** Who a server lives for, and the keeper that ends it when the owner is gone. */
import childProcess, { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeDocker } from "./docker.ts";
import { type InstanceRecord, instances, remove } from "./instance.ts";
import { runDirectory } from "./places.ts";
import { end, typeScriptFlags } from "./processes.ts";

const keeperFile = fileURLToPath(new URL("./keeper.ts", import.meta.url));

const ownerKey: unique symbol = Symbol.for("omni.servers.owner");

/**
 * One owner and one keeper for each process. A test runner loads this module anew for every test file and gives each its own globals;
 * Node's modules are the one thing that all of them share.
 */
const shared = childProcess as typeof childProcess & { [ownerKey]?: string };

/** The owner of the servers that this process starts; its keeper is started on first use. */
export function ownerOfThisProcess(): string {
  if (shared[ownerKey]) return shared[ownerKey];
  const own = `process-${process.pid}-${randomBytes(4).toString("hex")}`;
  shared[ownerKey] = own;
  const keeper = spawn(process.execPath, [...typeScriptFlags, keeperFile, own], {
    detached: true, // not reached by the Ctrl-C or the process group that ends the owner
    stdio: ["pipe", "ignore", "ignore"],
    env: { ...process.env, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1" },
  });
  keeper.on("error", (error) => {
    throw new Error(`the keeper of test servers cannot be started: ${error.message}`);
  });
  keeper.unref();
  (keeper.stdin as unknown as { unref(): void }).unref(); // a socket; the pipe must not keep the owner alive
  return own;
}

/** The keeper of servers that outlive the command that started them: ends them at `until`. It replaces an earlier one of that owner. */
export async function keepUntil(owner: string, until: Date): Promise<void> {
  await endKeeper(owner);
  const keeper = spawn(process.execPath, [...typeScriptFlags, keeperFile, owner, "--until", String(until.getTime())], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1" },
  });
  keeper.unref();
  await writeFile(pidFile(owner), String(keeper.pid));
}

/** Ends the keeper of an owner; its servers go on. */
export async function endKeeper(owner: string): Promise<void> {
  const pid = await keeperOf(owner);
  if (pid === undefined) return;
  await end(pid, owner, 1000);
  await forgetKeeper(owner, pid);
}

/** Removes the note of a keeper, unless another one has taken its place. */
export async function forgetKeeper(owner: string, pid: number): Promise<void> {
  if ((await keeperOf(owner)) === pid) await rm(pidFile(owner), { force: true });
}

async function keeperOf(owner: string): Promise<number | undefined> {
  const text = await readFile(pidFile(owner), "utf8").catch(() => undefined); // no keeper, no file
  return text === undefined ? undefined : Number(text);
}

function pidFile(owner: string): string {
  return join(runDirectory(), `${owner}.keeper`);
}

/** Ends every server of an owner; one that fails does not spare the others. */
export async function removeAll(owner: string, patienceMs?: number): Promise<void> {
  const mine = (await instances()).filter((record) => record.owner === owner);
  const results = await Promise.allSettled(mine.map((record) => removeOne(record, patienceMs)));
  const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join("\n"));
}

export async function removeOne(record: InstanceRecord, patienceMs?: number): Promise<void> {
  if (record.project) await removeDocker(record.project, record.name);
  await remove(record, patienceMs);
}
