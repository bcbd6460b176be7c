import { readFileSync, writeFileSync } from "node:fs";
import type { Backend } from "@omni/core";

/** What streams of unknown length to a store took of memory. */
export interface UploadMemoryReport {
  /** Resident set of the process with the client loaded, in bytes. */
  readonly idleBytes: number;
  /** The highest resident set during each upload, less that, in bytes, by the length of the chunks. */
  readonly peaks: readonly { readonly chunkBytes: number; readonly aboveIdleBytes: number }[];
}

/**
 * Uploads a stream for each length of chunk and watches this process's resident set. Every chunk is fresh memory, as of a source that keeps none.
 *
 * Linux only: the peak is the kernel's own (VmHWM), forgotten before each upload. The process needs `--expose-gc`.
 *
 * @param store its parts decide the bound
 * @param sizeBytes of each upload
 */
export async function uploadMemory(
  store: Backend,
  sizeBytes: number,
  chunkLengths: readonly number[],
): Promise<UploadMemoryReport> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("start the process with --expose-gc");
  // The client is loaded by its first request.
  await store.exists("nothing");
  gc();
  const idleBytes = residentBytes("VmRSS");
  const peaks: { chunkBytes: number; aboveIdleBytes: number }[] = [];
  for (const chunkBytes of chunkLengths) {
    gc();
    writeFileSync("/proc/self/clear_refs", "5");
    const { size } = await store.write("upload", source(sizeBytes, chunkBytes));
    if (size !== sizeBytes) throw new Error(`${size} of ${sizeBytes} bytes were written`);
    peaks.push({ chunkBytes, aboveIdleBytes: residentBytes("VmHWM") - idleBytes });
  }
  await store.delete("upload");
  return { idleBytes, peaks };
}

async function* source(sizeBytes: number, chunkBytes: number): AsyncGenerator<Uint8Array, undefined> {
  for (let at = 0; at < sizeBytes; at += chunkBytes) yield new Uint8Array(Math.min(chunkBytes, sizeBytes - at)).fill(at);
}

// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
function residentBytes(field: "VmHWM" | "VmRSS"): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  if (match === null) throw new Error(`/proc/self/status has no ${field}`);
  return Number(match[1]) * 1024;
}
