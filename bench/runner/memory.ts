import { readFileSync, writeFileSync } from "node:fs";

/** How a peak was taken: by the kernel's high-water mark reset before each round, or by the highest of the process's whole life. */
export type PeakMethod = "VmHWM" | "maxRSS";

/** A watch on this process's resident set. */
export interface MemoryWatch {
  readonly method: PeakMethod;
  /** The resident set now, in bytes. */
  current(): number;
  /** Forgets the peak so far (only with `VmHWM`). */
  reset(): void;
  /** The highest resident set since `reset`, in bytes. */
  peak(): number;
}

/**
 * Watches through /proc where the kernel lets a process clear its own high-water mark (Linux: writing 5 to clear_refs, see
 * proc_pid_clear_refs(5)); elsewhere through getrusage, whose peak also covers warm-up and start.
 */
export function watchMemory(): MemoryWatch {
  return canResetPeak() ? watchByProc() : watchByUsage();
}

function canResetPeak(): boolean {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
    return statusBytes("VmHWM") > 0;
  } catch (error) {
    // Not Linux, or a container that mounts /proc read-only. Anything else is a fault of ours.
    if (["ENOENT", "EACCES", "EPERM", "EROFS", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

function watchByProc(): MemoryWatch {
  return {
    method: "VmHWM",
    current: () => statusBytes("VmRSS"),
    reset: () => writeFileSync("/proc/self/clear_refs", "5"),
    peak: () => statusBytes("VmHWM"),
  };
}

function watchByUsage(): MemoryWatch {
  return {
    method: "maxRSS",
    current: () => process.memoryUsage.rss(),
    reset: () => {},
    peak: () => process.resourceUsage().maxRSS * 1024,
  };
}

function statusBytes(field: "VmHWM" | "VmRSS"): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  if (match === null) throw new Error(`/proc/self/status has no ${field}`);
  return Number(match[1]) * 1024;
}
