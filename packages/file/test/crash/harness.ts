import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type FileBackend, file } from "@omni/file";
import { bytesOf, optionsOf, readVersion } from "./content.ts";
import { type Entry, randomOf } from "./journal.ts";
import { LaneModel } from "./model.ts";

/** What became of a run. */
export interface CrashReport {
  readonly seed: number;
  readonly kills: number;
  /** Steps that the killed processes began. */
  readonly steps: number;
  /** Objects read and found whole. */
  readonly objects: number;
  /** Staged writes whose commit was broken off, by what a resumer found. */
  readonly tokens: { readonly staged: number; readonly committed: number };
  /** Objects that showed the effect of the step that was broken off. */
  readonly newer: number;
  /** Files that sweeps removed. */
  readonly swept: number;
  readonly violations: readonly string[];
}

const WRITER = fileURLToPath(new URL("./writer.ts", import.meta.url));
const LANES = ["x", "y"] as const;

/** Lets two processes write, kills them at random moments, and looks at what is there; again and again, over one root. */
export async function runCrashes({ kills, seed }: { readonly kills: number; readonly seed: number }): Promise<CrashReport> {
  const root = await mkdtemp(join(tmpdir(), "omni-crash-"));
  const run = new Run(root, seed);
  try {
    await run.prepare();
    while (run.kills < kills) await run.round();
    return run.report();
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

class Run {
  kills = 0;
  readonly #root: string;
  readonly #seed: number;
  readonly #random: () => number;
  readonly #backend: FileBackend;
  readonly #models = new Map(LANES.map((lane) => [lane, new LaneModel()] as const));
  readonly #violations: string[] = [];
  #objects = 0;
  #newer = 0;
  #swept = 0;
  #counter = 0;
  #tokens = { staged: 0, committed: 0 };

  constructor(root: string, seed: number) {
    this.#root = root;
    this.#seed = seed;
    this.#random = randomOf(seed);
    this.#backend = file({ root, fsync: false, sweepAfterMs: 0 });
  }

  async prepare(): Promise<void> {
    await this.#backend.write("shared/counter", "0");
  }

  async round(): Promise<void> {
    await Promise.all(LANES.map((lane) => this.#letLive(lane)));
    this.kills += LANES.length;
    const at = `after kill ${this.kills}`;
    await this.#checkTokens(at);
    await this.#checkObjects(at);
    await this.#checkCounter(at);
    await this.#checkListing(at);
    for (const model of this.#models.values()) model.settled();
    await this.#checkSweep(at);
  }

  report(): CrashReport {
    const steps = [...this.#models.values()].reduce((sum, model) => sum + model.steps, 0);
    return {
      seed: this.#seed,
      kills: this.kills,
      steps,
      objects: this.#objects,
      tokens: this.#tokens,
      newer: this.#newer,
      swept: this.#swept,
      violations: this.#violations,
    };
  }

  /** Starts a writer and kills it. */
  async #letLive(lane: (typeof LANES)[number]): Promise<void> {
    const seed = Math.floor(this.#random() * 2 ** 31);
    const fsync = this.#random() < 0.5;
    // So many entries, then so many milliseconds: within any step, however slow the machine is.
    const life = { entries: 1 + Math.floor(this.#random() * 80), ms: this.#random() * 10 };
    const flags = ["--experimental-strip-types", "--no-warnings", "--conditions=@omni/source"];
    const child = spawn(process.execPath, [...flags, WRITER, this.#root, lane, String(seed), String(fsync)], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    const exited = once(child, "exit");
    let trouble = "";
    child.stderr?.on("data", (text) => {
      trouble += text;
    });
    await this.#follow(child, lane, life);
    const [code, signal] = await exited;
    if (signal !== "SIGKILL")
      this.#violations.push(`the writer of ${lane} ended by itself with ${code}: ${trouble.slice(0, 2000)}`);
  }

  async #follow(child: ChildProcess, lane: (typeof LANES)[number], life: { entries: number; ms: number }): Promise<void> {
    const model = this.#models.get(lane) as LaneModel;
    let left = life.entries;
    for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
      // The last line may be cut off.
      if (line.endsWith("}")) model.take(JSON.parse(line) as Entry);
      left -= 1;
      if (left === 0) setTimeout(() => child.kill("SIGKILL"), life.ms);
    }
  }

  async #checkTokens(at: string): Promise<void> {
    for (const model of this.#models.values()) {
      if (!model.open) continue;
      const { path, id, token } = model.open;
      const resumed = await this.#backend.resumeStage(path, token);
      const before = await this.#look(path, at);
      if (resumed.state === "gone") this.#violations.push(`${at}: the token of ${id} is gone, nobody discarded it`);
      else this.#tokens[resumed.state] += 1;
      if ((before?.id === id) !== (resumed.state === "committed"))
        this.#violations.push(`${at}: ${path} shows ${before?.id}, the token of ${id} says ${resumed.state}`);
      if (resumed.state === "gone") continue;
      const info = await resumed.commit();
      const again = await (await this.#backend.resumeStage(path, token)).commit();
      if (again.etag !== info.etag) this.#violations.push(`${at}: committed twice: ${info.etag} and ${again.etag}`);
      if ((await this.#look(path, at))?.id !== id) this.#violations.push(`${at}: ${path} does not show ${id}, which was committed`);
      model.settle(path, { id: await this.#checkSingleUse(path, token, at), note: "" });
    }
  }

  /** A used token must not bring its bytes back over a newer object. */
  async #checkSingleUse(path: string, token: string, at: string): Promise<string> {
    const id = `parent-${this.kills}`;
    const bytes = bytesOf(id, 1000);
    const newer = await this.#backend.write(path, bytes, optionsOf(id, bytes));
    const resumed = await this.#backend.resumeStage(path, token);
    if (resumed.state !== "committed") this.#violations.push(`${at}: a used token of ${path} says ${resumed.state}`);
    await resumed.commit();
    await resumed.discard();
    const { etag } = await this.#backend.stat(path);
    if (etag !== newer.etag) this.#violations.push(`${at}: a used token of ${path} was applied again`);
    return id;
  }

  async #checkObjects(at: string): Promise<void> {
    for (const model of this.#models.values())
      for (const path of model.paths) {
        const seen = await this.#look(path, at);
        const allowed = model.allowed(path);
        const found = allowed.findIndex((state) => state?.id === seen?.id && (state?.note ?? "") === (seen?.note ?? ""));
        if (found < 0) this.#violations.push(`${at}: ${path} is ${JSON.stringify(seen)}, allowed: ${JSON.stringify(allowed)}`);
        if (found > 0) this.#newer += 1;
        if (seen) this.#objects += 1;
        model.settle(path, seen && { id: seen.id, note: seen.note });
      }
  }

  async #look(path: string, at: string): Promise<Awaited<ReturnType<typeof readVersion>>> {
    try {
      return await readVersion(this.#backend, path);
    } catch (error) {
      this.#violations.push(`${at}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }

  /** No acknowledged increment lost, none invented: at most one per killed process may have happened without its word. */
  async #checkCounter(at: string): Promise<void> {
    const value = Number(await (await this.#backend.read("shared/counter")).text());
    const models = [...this.#models.values()];
    const least = this.#counter + models.reduce((sum, model) => sum + model.counted, 0);
    const most = least + models.reduce((sum, model) => sum + model.mayHaveCounted, 0);
    if (value < least || value > most) this.#violations.push(`${at}: the counter is ${value}, not ${least} to ${most}`);
    this.#counter = value;
  }

  async #checkListing(at: string): Promise<void> {
    const known = new Set(["shared/counter", ...[...this.#models.values()].flatMap((model) => model.paths)]);
    for await (const { path } of this.#backend.list()) if (!known.has(path)) this.#violations.push(`${at}: ${path} is listed`);
  }

  /** After a sweep nothing is left but one sidecar per object. */
  async #checkSweep(at: string): Promise<void> {
    const { claims, temporary, staged, sidecars } = await this.#backend.sweepStale({ olderThanMs: 0 });
    this.#swept += claims + temporary + staged + sidecars;
    let objects = 0;
    for await (const _ of this.#backend.list()) objects += 1;
    const left = (await readdir(join(this.#root, ".omni"), { recursive: true, withFileTypes: true })).filter(
      (entry) => !entry.isDirectory(),
    );
    const others = left.filter((entry) => !entry.parentPath.includes("/.omni/meta/"));
    if (others.length > 0)
      this.#violations.push(`${at}: left behind: ${others.map((entry) => join(entry.parentPath, entry.name)).join(", ")}`);
    if (left.length - others.length !== objects)
      this.#violations.push(`${at}: ${left.length - others.length} sidecars for ${objects} objects`);
  }
}
