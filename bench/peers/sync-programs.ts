// Programs that sync a folder to an S3 server: each run is a process of its own, from its start to its end, as a user starts it.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OutsideCost } from "../runner/benchmark.ts";
import type { S3Place } from "./s3-stores.ts";

/** Ours and, where it is told to do as ours does, rclone: objects copied at once, objects looked at at once. */
export const transfers = 16;
export const checkers = 16;

/** A folder to sync from, and where to. */
export interface SyncOrder {
  readonly root: string;
  readonly place: S3Place;
  /** Ends in `/`. */
  readonly prefix: string;
  /** Change nothing: list, compare and say what would be done. */
  readonly plan: boolean;
}

/** One program with its settings. */
export interface SyncProgram {
  readonly name: string;
  readonly label: string;
  run(order: SyncOrder): Promise<OutsideCost>;
}

const oursFile = fileURLToPath(new URL("./sync-ours.mjs", import.meta.url));

export const omniSync: SyncProgram = {
  name: "omni",
  label: "Omni sync()",
  run: (order) => finished(process.execPath, [oursFile, JSON.stringify({ ...order, transfers, checkers })]),
};

/** Builds packages by the names of their folders: what a process of its own imports is measured as it is published. */
export function buildPackages(...names: readonly string[]): void {
  const folder = fileURLToPath(new URL("../..", import.meta.url));
  const packages = names.map((name) => `packages/${name}`);
  for (const program of ["node_modules/typescript/bin/tsc -b", "tools/build/bundle.mjs"])
    execFileSync(process.execPath, [...program.split(" "), ...packages], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
}

/** rclone as it comes: 4 transfers, 8 checkers, modification times asked for object by object. */
export const rcloneDefault: SyncProgram = {
  name: "rclone",
  label: "rclone, its defaults",
  run: (order) => rclone(order, []),
};

/** Its better setting for S3: whole listings, digests instead of modification times, and as much at once as ours. */
export const rcloneFast: SyncProgram = {
  name: "rclone-fast",
  label: "rclone --fast-list --checksum, our concurrency",
  run: (order) => rclone(order, ["--fast-list", "--checksum", "--transfers", String(transfers), "--checkers", String(checkers)]),
};

function rclone({ root, place, prefix, plan }: SyncOrder, flags: readonly string[]): Promise<OutsideCost> {
  const remote = {
    RCLONE_CONFIG: "",
    RCLONE_CONFIG_BENCH_TYPE: "s3",
    RCLONE_CONFIG_BENCH_PROVIDER: "Minio",
    RCLONE_CONFIG_BENCH_ENDPOINT: place.url,
    RCLONE_CONFIG_BENCH_REGION: place.region,
    RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: place.accessKeyId,
    RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: place.secretAccessKey,
  };
  const to = `bench:${place.bucket}/${prefix}`;
  // A line for each object of a plan is nobody's question here.
  return finished("rclone", ["sync", root, to, "--log-level", "ERROR", ...(plan ? ["--dry-run"] : []), ...flags], remote);
}

const LOOK_MS = 50;

/** Runs a program to its end. Its CPU time is that of a child that was waited for; its memory is looked at as long as it lives. */
function finished(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<OutsideCost> {
  return new Promise((resolve, reject) => {
    // What else the caller's environment says, of proxies and certificates too, is not for a server on loopback.
    const { PATH, HOME, TMPDIR } = process.env;
    const child = spawn(command, args, { env: { PATH, HOME, TMPDIR, ...env }, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000);
    });
    let peakRssBytes = 0;
    const look = setInterval(() => {
      peakRssBytes = Math.max(peakRssBytes, peakRssOf(child.pid));
    }, LOOK_MS);
    child.on("error", (error) => {
      clearInterval(look);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearInterval(look);
      if (code === 0) resolve({ peakRssBytes });
      else reject(new Error(`${command} ended with ${signal ?? `code ${code}`}: ${said}`));
    });
  });
}

/** The highest resident set so far, by the kernel's own mark; 0 where it keeps none, or where the program has just ended. */
function peakRssOf(pid: number | undefined): number {
  if (process.platform !== "linux" || pid === undefined) return 0;
  try {
    const kibibytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kibibytes ?? 0) * 1024;
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
}
