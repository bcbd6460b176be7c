// Whole runs of sync from a folder to S3, beside rclone: first runs of small and of large objects, a run that finds nothing to do, plans.
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type S3Place, startStore, stopStore } from "./peers/s3-stores.ts";
import { buildPackages, omniSync, rcloneDefault, rcloneFast, type SyncOrder, type SyncProgram } from "./peers/sync-programs.ts";
import { type Benchmark, defineBenchmark, type Peer, type Session, type Subject } from "./runner/benchmark.ts";

/**
 * `copy`: to where nothing is. `again`: after such a copy by the same program. `plan`: what a copy would do, of empty files, whose bytes nobody reads.
 */
type SyncParams = { readonly run: "copy" | "again" | "plan"; readonly objects: number; readonly bytes: number };

type Fixture = { readonly place: S3Place; readonly root: string };

const objectsPerFolder = 1_000;
const chunkBytes = 1024 * 1024;

/** A folder of files, all different. */
function plant(root: string, { objects, bytes }: SyncParams): void {
  for (let number = 0; number < objects; number++) {
    const folder = join(root, `folder-${Math.floor(number / objectsPerFolder)}`);
    if (number % objectsPerFolder === 0) mkdirSync(folder, { recursive: true });
    const path = join(folder, `object-${String(number % objectsPerFolder).padStart(4, "0")}.bin`);
    if (bytes <= chunkBytes) writeFileSync(path, contentOf(number, bytes));
    else plantLarge(path, number, bytes);
  }
}

function contentOf(number: number, bytes: number): Uint8Array {
  const content = new Uint8Array(bytes).fill(number % 251);
  if (bytes >= 8) new DataView(content.buffer).setUint32(0, number);
  return content;
}

function plantLarge(path: string, number: number, bytes: number): void {
  const fd = openSync(path, "w");
  for (let at = 0; at < bytes; at += chunkBytes) writeSync(fd, contentOf(number * 1_000 + at / chunkBytes, chunkBytes));
  closeSync(fd);
}

/** Everything at a place: names, sizes and digests are what all programs must agree on. */
async function proofOf(place: S3Place, prefix: string): Promise<string> {
  const store = await openStore(place);
  const found = createHash("sha256");
  let count = 0;
  for await (const { path, size } of store.list(prefix)) {
    count++;
    found.update(`${path.slice(prefix.length)} ${size}\n`);
  }
  await store.close();
  return `${count} objects, ${found.digest("hex")}`;
}

async function openStore({ url, ...account }: S3Place) {
  const { s3 } = await import("@omni/s3");
  return s3({ ...account, provider: "minio", endpoint: url });
}

function subject(program: SyncProgram): Subject<SyncParams, Fixture> {
  return {
    label: program.label,
    async start({ params, fixture }): Promise<Session> {
      const { place, root } = fixture;
      const store = await openStore(place);
      const prefix = `${program.name}/`;
      const order: SyncOrder = { root, place, prefix, plan: params.run === "plan" };
      const clear = async (): Promise<void> => void (await store.purge(prefix));
      // Loads what clearing needs: it is nobody's memory later.
      await clear();
      if (params.run === "again") await program.run(order);
      return {
        run: () => program.run(order),
        tidy: params.run === "copy" ? clear : () => {},
        proof: () => proofOf(place, prefix),
        close: () => store.close(),
      };
    },
  };
}

/** @param name differs where the target does */
function peer(program: SyncProgram, name: string, runs: readonly SyncParams["run"][], atLeast: number): Peer<SyncParams, Fixture> {
  return {
    ...subject(program),
    name,
    needs: { program: "rclone", how: "apt-get install rclone" },
    takes: ({ run }) => runs.includes(run),
    target: { atLeast },
  };
}

const benchmark: Benchmark = defineBenchmark<SyncParams, Fixture>({
  name: "sync",
  title: "a folder to S3, each run a process of its own",
  unit: "object",
  compare: "speed",
  params: {
    full: [
      { run: "copy", objects: 50_000, bytes: 4096 },
      { run: "copy", objects: 20, bytes: 256 * 1024 * 1024 },
      { run: "again", objects: 50_000, bytes: 4096 },
      { run: "plan", objects: 100_000, bytes: 0 },
      { run: "plan", objects: 1_000_000, bytes: 0 },
      // The first three again, smaller: minutes instead of hours on a small machine.
      { run: "copy", objects: 5_000, bytes: 4096 },
      { run: "copy", objects: 4, bytes: 256 * 1024 * 1024 },
      { run: "again", objects: 10_000, bytes: 4096 },
    ],
    quick: [
      { run: "copy", objects: 500, bytes: 4096 },
      { run: "copy", objects: 2, bytes: 16 * 1024 * 1024 },
      { run: "again", objects: 2_000, bytes: 4096 },
      { run: "plan", objects: 10_000, bytes: 0 },
    ],
  },
  rounds: { usual: 5, fewest: 3, warmUp: 0 },
  work: ({ objects }) => objects,
  async setup(params, folder) {
    buildPackages("core", "file", "s3", "sync");
    const root = join(folder, "tree");
    plant(root, params);
    return { place: await startStore(), root };
  },
  teardown: ({ place }) => stopStore(place),
  subjects: {
    ours: subject(omniSync),
    peers: [
      peer(rcloneDefault, "rclone", ["copy", "plan"], 1),
      peer(rcloneFast, "rclone-fast", ["copy", "again", "plan"], 1),
      peer(rcloneDefault, "rclone-again", ["again"], 2),
    ],
  },
});

export default benchmark;
