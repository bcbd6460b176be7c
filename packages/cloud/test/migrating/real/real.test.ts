// A migration of real stores while other processes write: a folder moves to an S3 server. OMNI_RUNS = objects.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import type { Migration, Phase } from "@omni/cloud";
import { type Backend, OmniError } from "@omni/core";
import { file } from "@omni/file";
import { recordCounts } from "@omni/property";
import { type S3Options, s3 } from "@omni/s3";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { contentOf, type OpenedStores, openStores, type Places, versionAt } from "./stores.ts";
import type { Line, WriterSpec } from "./writer.ts";

const WRITER = new URL("./writer.ts", import.meta.url).pathname;
const objects = Number(process.env.OMNI_RUNS ?? 150);
const WRITERS = 3;
/** Objects that writers change, and as many paths that nothing is at yet; all other objects only move. */
const HOT = Math.min(60, Math.floor(objects / 5));

/** A writing process, and what it has said. */
class Writer {
  readonly known = new Map<string, number | null>();
  readonly wrong: string[] = [];
  readonly #places: Places;
  readonly #name: string;
  readonly paths: readonly string[];
  #process: ChildProcess | undefined;
  #finished: Promise<unknown> = Promise.resolve();
  #lives = 0;
  #nextVersion = 1;
  changes = 0;
  reads = 0;
  inDoubt = 0;

  constructor(places: Places, name: string, paths: readonly string[]) {
    this.#places = places;
    this.#name = name;
    this.paths = paths;
    for (const path of paths) this.known.set(path, path.startsWith("new/") ? null : 0);
  }

  /** Resolves when it has changed something. */
  async start(): Promise<void> {
    this.#lives += 1;
    const spec: WriterSpec = {
      places: this.#places,
      name: `${this.#name}-${this.#lives}`,
      seed: this.#lives * 1_000 + this.#name.length,
      paths: this.paths,
      known: Object.fromEntries(this.known),
      nextVersion: this.#nextVersion,
    };
    const args = ["--conditions=@omni/source", "--no-warnings", WRITER, JSON.stringify(spec)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    const lines = createInterface({ input: child.stdout });
    const begun = new Promise<void>((resolve) => lines.on("line", (line) => this.#hear(JSON.parse(line) as Line, resolve)));
    this.#finished = Promise.all([once(child, "exit"), once(lines, "close")]);
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`${spec.name} ended with ${code} before it changed anything`);
    });
    await Promise.race([begun, failed]);
  }

  /** SIGKILL, wherever it is. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#finished;
  }

  async end(): Promise<void> {
    this.#process?.kill("SIGTERM");
    await this.#finished;
    if (this.#process?.exitCode !== 0) this.wrong.push(`${this.#name} ended with ${this.#process?.exitCode}`);
  }

  #hear(line: Line, begun: () => void): void {
    if ("begins" in line) {
      // From here on nobody knows, until it is acknowledged.
      this.known.delete(line.begins);
      this.#nextVersion = Math.max(this.#nextVersion, (line.version ?? 0) + 1);
    } else if ("done" in line) {
      this.known.set(line.done, line.version);
      this.changes += 1;
      begun();
    } else if ("wrong" in line) this.wrong.push(line.wrong);
    else {
      this.reads += line.ended.reads;
      this.inDoubt += line.ended.inDoubt;
    }
  }
}

await describeWithServer("s3", "a migration of real stores", (current) => {
  let places: Places;
  let mover: OpenedStores;

  beforeAll(async () => {
    places = {
      folder: await mkdtemp(join(tmpdir(), "omni-migrating-")),
      bucket: await makeBucket(current()),
      leaseMs: objects > 1_000 ? 5_000 : 2_000,
    };
    await plant(places.folder);
    mover = openStores(places, "mover");
  }, 600_000);
  afterAll(async () => {
    await mover?.close();
    if (places) await rm(places.folder, { recursive: true, force: true });
  }, 60_000);

  test(
    `${objects} objects move from a folder to S3 under ${WRITERS} writing processes, forth and back and forth: nothing lost, nothing resurrected`,
    async () => {
      const writers = Array.from({ length: WRITERS }, (_, index) => new Writer(places, `writer-${index}`, pathsOf(index)));
      await Promise.all(writers.map((writer) => writer.start()));
      const { migration } = mover.one;
      const [first] = writers as [Writer];
      await goTo(migration, "backfill");
      // One dies while objects are brought over, and another one comes in its place.
      await Promise.all([goTo(migration, "read-new"), first.kill().then(() => first.start())]);
      await goTo(migration, "reverse-dual");
      // The way back, to where the old store is read again, and once more.
      await patiently(() => migration.rollback());
      await patiently(() => migration.rollback());
      expect(await migration.phase()).toBe("verify");
      await goTo(migration, "reverse-dual");
      await Promise.all(writers.map((writer) => writer.end()));
      await patiently(() => migration.settle());

      expect(writers.flatMap(({ wrong }) => wrong)).toEqual([]);
      const expected = expectedOf(writers);
      expect(expected.size).toBe(objects + HOT);
      expect(await differences(mover.from, expected)).toEqual([]);
      expect(await differences(mover.to, expected)).toEqual([]);
      await goTo(migration, "new-only");
      expect((await migration.history()).map(({ state }) => state)).toEqual([
        ...["old-only", "dual", "backfill", "verify", "read-new", "reverse-dual"],
        ...["read-new", "verify", "read-new", "reverse-dual", "new-only"],
      ]);
      const sum = (of: (writer: Writer) => number): number => writers.reduce((total, writer) => total + of(writer), 0);
      const changes = sum((writer) => writer.changes);
      expect(changes).toBeGreaterThan(WRITERS * 10);
      recordCounts({
        "objects migrated": objects,
        "changes meanwhile": changes,
        "reads meanwhile": sum(({ reads }) => reads),
        "outcomes in doubt": sum(({ inDoubt }) => inDoubt),
        "processes killed": 1,
      });
    },
    300_000 + objects * 300,
  );
});

async function makeBucket({ url, credentials, region }: RunningServer): Promise<S3Options> {
  const options: S3Options = { bucket: `moving-${randomUUID()}`, endpoint: url, region, ...credentials, provider: "minio" };
  const store = s3(options);
  await (await store.driver.client()).send(new CreateBucketCommand({ Bucket: options.bucket }));
  await store.close();
  return options;
}

function pathOf(index: number): string {
  return `${String(index % 10)}/object-${String(index).padStart(6, "0")}`;
}

/** Every path is changed by one writer, so that it knows what it has to read. */
function pathsOf(writer: number): string[] {
  const mine = Array.from({ length: HOT }, (_, index) => index).filter((index) => index % WRITERS === writer);
  return [...mine.map(pathOf), ...mine.map((index) => `new/${index}`)];
}

async function plant(folder: string): Promise<void> {
  const store = file({ root: folder, fsync: false });
  for (let index = 0; index < objects; index += 1) await store.write(pathOf(index), contentOf(pathOf(index), 0));
  await store.close();
}

/** Goes on to a phase, and does in each what it is for. */
async function goTo(migration: Migration, to: Phase): Promise<void> {
  for (let phase = await migration.phase(); phase !== to; phase = await migration.phase()) {
    if (phase === "backfill") await pass(() => migration.backfill({ concurrency: 24 }));
    if (phase === "verify") await pass(() => migration.verify({ concurrency: 24 }));
    await patiently(() => migration.advance());
  }
}

/** A pass, made again while something was in its way. */
async function pass(run: () => ReturnType<Migration["backfill"]>): Promise<void> {
  for (let again = 3; ; again -= 1) {
    const report = await patiently(run);
    if (report.failed === 0 && report.differing === 0) return;
    if (again === 0) throw new Error(`a pass does not come to its end: ${JSON.stringify(report)}`);
  }
}

/** Again while an instance is still on its way to the phase, or a gate has to be passed anew. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!OmniError.is(error, "PRECONDITION_FAILED", "TIMEOUT", "UNAVAILABLE", "IN_DOUBT")) throw error;
    }
  }
}

function expectedOf(writers: readonly Writer[]): Map<string, number | null | undefined> {
  const expected = new Map<string, number | null | undefined>();
  for (let index = 0; index < objects; index += 1) expected.set(pathOf(index), 0);
  for (let index = 0; index < HOT; index += 1) expected.set(`new/${index}`, null);
  // A change that a killed process had begun was made good by the one in its place, or by nobody: then either may be.
  for (const { paths, known } of writers) for (const path of paths) expected.set(path, known.get(path));
  return expected;
}

/** What a store holds otherwise than it should, and what it holds beyond. */
async function differences(store: Backend, expected: ReadonlyMap<string, number | null | undefined>): Promise<string[]> {
  const found = new Map<string, number | undefined>();
  const paths = (await Array.fromAsync(store.list())).map(({ path }) => path);
  const lane = async (): Promise<void> => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) found.set(path, await versionAt(store, path));
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  const wrong: string[] = [];
  for (const [path, version] of found) if (!expected.has(path)) wrong.push(`${path} is nobody's, and holds ${version}`);
  for (const [path, wanted] of expected) {
    // Of a change that a killed process had begun nobody knows; the process in its place makes another one before it looks.
    if (wanted === undefined) continue;
    const holds = found.get(path) ?? null;
    if (holds !== wanted) wrong.push(`${path} holds ${holds ?? "nothing"}, not ${wanted ?? "nothing"}`);
  }
  return wrong;
}
