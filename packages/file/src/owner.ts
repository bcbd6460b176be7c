import { createHash, randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { hasCode } from "./file-system.ts";

/**
 * Who made a temporary file or holds a claim: `<space>-<pid>-<start>-<random>`. The space is the set of processes among which a process id means something:
 * one boot of one machine and one process-id namespace. The start time tells a process from a later one with the same id, the random part
 * a thread or a second copy of this module from the first.
 */
export const OWNER: string = `${ownName()}-${randomUUID().slice(0, 8)}`;
const OWN_PROCESS = processOf(OWNER);

/**
 * Whether an owner is certainly dead. An owner in another space, or on a system that does not tell start times, cannot be judged: `false`.
 *
 * @param owner as in {@link OWNER}
 */
export async function isDead(owner: string): Promise<boolean> {
  if (processOf(owner) === OWN_PROCESS) return false;
  const [space, pid, start] = owner.split("-");
  if (space !== OWNER.split("-")[0]) return false;
  if (start === "0") return !answers(Number(pid));
  try {
    return startOf(await readFile(`/proc/${pid}/stat`, "latin1")) !== start;
  } catch (error) {
    return hasCode(error, "ENOENT", "ESRCH");
  }
}

/** Whether an owner is certainly alive. */
export async function isAlive(owner: string): Promise<boolean> {
  return owner.split("-")[0] === OWNER.split("-")[0] && !(await isDead(owner));
}

function processOf(owner: string): string {
  return owner.split("-").slice(0, 3).join("-");
}

function ownName(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const space = digest(`${boot} ${readlinkSync("/proc/self/ns/pid")}`);
    return `${space}-${process.pid}-${startOf(readFileSync("/proc/self/stat", "latin1"))}`;
  } catch (error) {
    // No /proc: a system other than Linux. The host's name stands for the space.
    if (!hasCode(error, "ENOENT", "EACCES", "EPERM")) throw error;
    return `${digest(hostname())}-${process.pid}-0`;
  }
}

/** Field 22 of proc_pid_stat(5), clock ticks since boot; the command in field 2 may hold spaces and parentheses. */
function startOf(stat: string): string {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A killed process that its parent has not waited for yet is dead, too.
  return /[ZX]/.test(fields[0] ?? "") ? "dead" : (fields[19] ?? "0");
}

function answers(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !hasCode(error, "ESRCH");
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
