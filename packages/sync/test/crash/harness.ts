import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Backend, createBackend } from "@omni/core";
import { openStore, type StoreSpec } from "./stores.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** What came of one leg of a migration. */
export interface LegReport {
  readonly kills: number;
  readonly writes: number;
  readonly copiedTwice: readonly string[];
  readonly violations: readonly string[];
  readonly maxRss: number;
}

interface Ended {
  readonly ok: boolean;
  readonly failures: readonly unknown[];
  readonly maxRss: number;
}

/** A small generator with a seed, so that a run can be repeated. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** The bytes of an object: its path, a pattern that only it has. Most are small, one of 500 is large. */
export function bytesOf(index: number): Buffer {
  const size = index % 500 === 499 ? 1_500_000 : (index * 37) % 900;
  return Buffer.alloc(size, createHash("sha512").update(String(index)).digest());
}

export function pathOf(index: number): string {
  return `d${index % 17}/s${index % 5}/object ${index}.bin`;
}

function timeOf(index: number): Date {
  return new Date(1_600_000_000_000 + index * 1_234);
}

export async function plantMany(backend: Backend, objects: number): Promise<void> {
  for (let start = 0; start < objects; start += 16)
    await Promise.all(
      Array.from({ length: Math.min(16, objects - start) }, (_, i) => start + i).map((index) =>
        backend.write(pathOf(index), bytesOf(index), {
          modifiedAt: timeOf(index),
          contentType: `application/x-${index}`,
          metadata: { index: String(index) },
        }),
      ),
    );
}

/** Whether every object is there, with its own bytes, headers, metadata and time, and nothing else. */
export async function checkAll(backend: Backend, objects: number): Promise<string[]> {
  const wrong: string[] = [];
  const check = async (index: number): Promise<void> => {
    const reader = await backend.read(pathOf(index));
    const bytes = await reader.bytes();
    const { contentType, metadata, modifiedAt } = reader.info;
    if (!bytesOf(index).equals(bytes)) wrong.push(`${pathOf(index)} has other bytes`);
    if (contentType !== `application/x-${index}` || metadata?.index !== String(index))
      wrong.push(`${pathOf(index)} has other metadata`);
    if (modifiedAt?.getTime() !== timeOf(index).getTime()) wrong.push(`${pathOf(index)} has another time`);
  };
  for (let start = 0; start < objects; start += 16)
    await Promise.all(Array.from({ length: Math.min(16, objects - start) }, (_, i) => check(start + i)));
  const found = (await Array.fromAsync(backend.list())).length;
  if (found !== objects) wrong.push(`${found} objects instead of ${objects}`);
  return wrong;
}

/** What the journal at the destination holds, read by its own lines. */
async function recorded(spec: StoreSpec): Promise<Set<string>> {
  const records = createBackend(openStore(spec).driver, { reserved: true });
  const paths = new Set<string>();
  const segments: string[] = [];
  for await (const { path } of records.list(".omni/sync/")) segments.push(path);
  for (let start = 0; start < segments.length; start += 16) {
    const texts = await Promise.all(segments.slice(start, start + 16).map(async (path) => (await records.read(path)).text()));
    for (const line of texts.join("").split("\n"))
      if (line !== "") paths.add((JSON.parse(line.slice(0, line.lastIndexOf(" "))) as [string])[0]);
  }
  await records.close();
  return paths;
}

async function countOf(spec: StoreSpec): Promise<number> {
  const store = openStore(spec);
  let count = 0;
  for await (const _info of store.list()) count++;
  await store.close();
  return count;
}

/** Migrates, killed again and again after a random number of writes, then to the end. */
export async function migrateUnderKills(
  from: StoreSpec,
  to: StoreSpec,
  kills: number,
  objects: number,
  random: () => number,
): Promise<LegReport> {
  const known = new Set<string>();
  const copiedTwice: string[] = [];
  const violations: string[] = [];
  let writes = 0;
  let killed = 0;
  while (true) {
    // Some at the very start, while listing or opening the journal; the others spread over what is left, which a run writes at the least.
    const share = (objects - (await countOf(to))) / (kills - killed);
    const kill = killed < kills ? { atWrite: Math.ceil(random() * 1.1 * share - 0.1 * share), during: random() < 0.5 } : undefined;
    const run = await runOnce(from, to, kill, (path) => {
      writes++;
      if (known.has(path)) copiedTwice.push(path);
    });
    if (run) {
      if (!run.ok) violations.push(`the last run failed: ${JSON.stringify(run.failures)}`);
      if (killed < kills) violations.push(`the migration ended after ${killed} of ${kills} kills`);
      return { kills: killed, writes, copiedTwice, violations, maxRss: run.maxRss };
    }
    killed++;
    for (const path of await recorded(to)) known.add(path);
  }
}

/** @returns how it ended; `undefined` = it was killed */
async function runOnce(
  from: StoreSpec,
  to: StoreSpec,
  kill: { readonly atWrite: number; readonly during: boolean } | undefined,
  onWrite: (path: string) => void,
): Promise<Ended | undefined> {
  const child: ChildProcess = spawn(
    process.execPath,
    ["--conditions=@omni/source", "--no-warnings", WORKER, JSON.stringify({ from, to, kill })],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const closed = new Promise<NodeJS.Signals | number | null>((resolve) =>
    child.once("close", (code, signal) => resolve(signal ?? code)),
  );
  let ended: Ended | undefined;
  if (kill && kill.atWrite <= 0) child.kill("SIGKILL");
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const said = JSON.parse(line) as { write?: string } & Ended;
    if (said.write === undefined) ended = said;
    else onWrite(said.write);
  }
  const how = await closed;
  if (how !== 0 && how !== "SIGKILL") throw new Error(`the worker ended with ${how}: ${errors}`);
  return how === "SIGKILL" ? undefined : ended;
}
