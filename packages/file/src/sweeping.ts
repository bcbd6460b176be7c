import { readdir, readlink, writeFile } from "node:fs/promises";
import { disarm, type Item, parseClaim } from "./claim.ts";
import { hasCode, lookAt, removeFile } from "./file-system.ts";
import { BESIDE, type Layout, type Place } from "./layout.ts";
import { isAlive } from "./owner.ts";
import { parseSidecar, readRecord, type Sidecar, sidecarFile } from "./sidecar.ts";

/** What a sweep takes. */
export interface SweepOptions {
  /**
   * Only what is older, in milliseconds. Files of living processes of this machine stay whatever their age; of other machines nothing is known
   * but the age. @default the backend's `sweepAfterMs`, and `stageTtlMs` for staged writes
   */
  readonly olderThanMs?: number | undefined;
  /** Tokens of staged writes to keep whatever their age: those of open intents. */
  readonly keepTokens?: Iterable<string> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was swept. */
export interface SweepReport {
  /** Claims of dead processes. */
  readonly claims: number;
  /** Files of writes that were broken off. */
  readonly temporary: number;
  /** Staged writes that nobody committed, and notes of used tokens. */
  readonly staged: number;
  /** Metadata of versions that are no more. */
  readonly sidecars: number;
}

/** Which files are old enough. */
export interface Ages {
  readonly temporaryMs: number;
  readonly stagedMs: number;
  readonly keepTokens: ReadonlySet<string>;
  readonly signal?: AbortSignal | undefined;
}

/** Ends claims of dead processes and removes temporary and staged files. Reads a few small directories. */
export async function sweepTemporary(layout: Layout, ages: Ages): Promise<Omit<SweepReport, "sidecars">> {
  const claims = await sweepClaims(layout, ages);
  let temporary = 0;
  let staged = 0;
  for (const file of await temporaryFiles(layout)) {
    ages.signal?.throwIfAborted();
    const isStaged = file.owner === "stage";
    if (isStaged ? ages.keepTokens.has(file.id) : await isAlive(file.owner)) continue;
    if (!(await isOlder(file.name, isStaged ? ages.stagedMs : ages.temporaryMs)) || !(await removeFile(file.name))) continue;
    if (isStaged) staged++;
    else temporary++;
  }
  return { claims, temporary, staged };
}

interface TemporaryFile {
  readonly name: string;
  readonly id: string;
  /** `"stage"` for staged bytes and notes of used tokens. */
  readonly owner: string;
}

/** Every file that waits somewhere to be published, or was left behind. */
async function temporaryFiles(layout: Layout): Promise<TemporaryFile[]> {
  const tmp = layout.own("tmp");
  const stage = layout.own("stage");
  const files: TemporaryFile[] = [];
  for (const name of await readdir(stage))
    files.push({ name: `${stage}/${name}`, id: name.split(".")[0] as string, owner: "stage" });
  for (const name of await readdir(tmp)) {
    const [id, owner] = name.split(".");
    if (id && owner) files.push({ name: `${tmp}/${name}`, id, owner });
    else if (name.startsWith("beside-")) files.push(...(await filesBeside(await readlink(`${tmp}/${name}`))));
  }
  return files;
}

async function filesBeside(directory: string): Promise<TemporaryFile[]> {
  const files: TemporaryFile[] = [];
  for (const name of await namesIn(directory)) {
    if (!name.startsWith(BESIDE) || name.endsWith("~")) continue;
    const [id = "", owner = ""] = name.slice(BESIDE.length).split(".");
    files.push({ name: `${directory}/${name}`, id, owner });
  }
  return files;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

async function isOlder(file: string, ms: number): Promise<boolean> {
  const stats = await lookAt(file);
  return stats !== undefined && Date.now() - Number(stats.ctimeMs) >= ms;
}

async function sweepClaims(layout: Layout, { temporaryMs, signal }: Ages): Promise<number> {
  let ended = 0;
  for (const { directory, name } of await claimNames(layout)) {
    signal?.throwIfAborted();
    const file = `${directory}/${name}`;
    const item = await itemOf(layout, name, file);
    if (!item || (await isAlive(item.owner)) || !(await isOlder(file, temporaryMs))) continue;
    await disarm(layout, item);
    ended++;
  }
  return ended;
}

async function claimNames(layout: Layout): Promise<{ directory: string; name: string }[]> {
  const found: { directory: string; name: string }[] = [];
  for (const shard of await readdir(layout.own("claim"))) {
    const directory = `${layout.own("claim")}/${shard}`;
    for (const name of await namesIn(directory)) found.push({ directory, name });
  }
  return found;
}

/** The item of a claim. Its path is in the claim or in the sidecar of the claiming file; where neither is, the path does not matter. */
async function itemOf(layout: Layout, name: string, file: string): Promise<Item | undefined> {
  const [key = "", letter = ""] = name.split(".");
  const nowhere: Place = { path: "", target: "", directory: "", key };
  const item = parseClaim(name, nowhere);
  if (!item || (!item.beside && item.purpose !== "stage")) return item;
  const path = letter === letter.toUpperCase() ? await readRecord(file) : (await sidecarOfFile(layout, key, file))?.path;
  return path === undefined ? item : { ...item, place: layout.place(path) };
}

async function sidecarOfFile(layout: Layout, key: string, file: string): Promise<Sidecar | undefined> {
  const stats = await lookAt(file);
  const text = stats && (await readRecord(sidecarFile(layout, key, stats)));
  return text === undefined ? undefined : parseSidecar(text);
}

/** Removes sidecars of versions that are no more: overwritten right before a crash, or deleted by other programs. Reads every sidecar. */
export async function sweepSidecars(layout: Layout, ages: Ages): Promise<number> {
  let swept = 0;
  for (const shard of await readdir(layout.own("meta"))) {
    ages.signal?.throwIfAborted();
    const directory = `${layout.own("meta")}/${shard}`;
    const orphans: Orphan[] = [];
    for (const name of await namesIn(directory)) {
      const orphan = await orphanOf(layout, `${directory}/${name}`, name);
      if (orphan && (await isOlder(orphan.file, ages.temporaryMs))) orphans.push(orphan);
    }
    if (orphans.length === 0) continue;
    // Looked for after the orphans were found: what waits to be published now, or was published since, is none.
    const waiting = await idsWaiting(layout);
    for (const { file, name, sidecar } of orphans)
      if (!(sidecar && waiting.has(sidecar.etag)) && (await orphanOf(layout, file, name)) && (await removeFile(file))) swept++;
  }
  return swept;
}

interface Orphan {
  readonly file: string;
  readonly name: string;
  readonly sidecar: Sidecar | undefined;
}

async function orphanOf(layout: Layout, file: string, name: string): Promise<Orphan | undefined> {
  const text = await readRecord(file);
  if (text === undefined) return undefined;
  const sidecar = parseSidecar(text);
  if (!sidecar) return { file, name, sidecar };
  const stats = await lookAt(`${layout.root}/${sidecar.path}`);
  return stats && sidecarFile(layout, name.split(".")[0] as string, stats) === file ? undefined : { file, name, sidecar };
}

async function idsWaiting(layout: Layout): Promise<Set<string>> {
  const ids = new Set<string>();
  // Twice: a file that moves from where it waits to its claim and back is seen in one of them.
  for (let round = 0; round < 2; round++) {
    for (const { name } of await claimNames(layout)) ids.add(name.split(".")[2] ?? "");
    for (const { id } of await temporaryFiles(layout)) ids.add(id);
  }
  return ids;
}

const HOUR_MS = 3_600_000;

/** Whether a sweep by itself is due: at most one an hour for all processes. */
export async function isSweepDue(layout: Layout): Promise<boolean> {
  const mark = `${layout.own("tmp")}/swept`;
  const last = await lookAt(mark);
  if (last && Date.now() - Number(last.mtimeMs) < HOUR_MS) return false;
  await writeFile(mark, "");
  return true;
}
