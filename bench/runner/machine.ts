import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

/** Where a figure was taken; without it the figure means nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  /** The one-minute load average before the first round: what else was going on. */
  readonly loadBefore: number;
  /** The scratch folder's file system, by its magic number (statfs(2)). */
  readonly scratchFileSystem: string;
}

export function describeMachine(scratch: string): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    loadBefore: loadavg()[0] ?? 0,
    scratchFileSystem: fileSystemName(statfsSync(scratch).type),
  };
}

function fileSystemName(magic: number): string {
  const known: Record<number, string> = {
    61267: "ext4",
    16914836: "tmpfs",
    1481003842: "xfs",
    2435016766: "btrfs",
    2035054128: "overlay",
  };
  return known[magic] ?? `0x${magic.toString(16)}`;
}

/** The commit that was measured, and whether the sources stood exactly so. */
export interface Commit {
  readonly hash: string;
  readonly changed: boolean;
}

/** Undefined outside of a git checkout, for example in an unpacked archive. */
export function describeCommit(): Commit | undefined {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return { hash: git("rev-parse", "HEAD"), changed: git("status", "--porcelain", "--", "packages", "bench") !== "" };
  } catch {
    return undefined;
  }
}
