// The application as a process of its own, and a browser, both ended after the tests of their file.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium } from "playwright-core";

const PROGRAM = new URL("../src/index.ts", import.meta.url).pathname;

export interface RunningApplication {
  readonly url: string;
  readonly process: ChildProcess;
  /** Tells it to end, and gives its exit code. */
  stop(): Promise<number | null>;
}

/** @param env what configures the clouds; by default they are folders */
export async function startApplication(env: Readonly<Record<string, string>> = {}): Promise<RunningApplication> {
  const folder = await mkdtemp(join(tmpdir(), "omni-upload-"));
  const child = spawn(process.execPath, ["--conditions=@omni/source", "--disable-warning=ExperimentalWarning", PROGRAM], {
    env: { PATH: process.env.PATH, NODE_OPTIONS: "", PORT: "0", STORE_PORT: "0", DATA: folder, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const url = await addressOf(child, exited);
  const stop = async (): Promise<number | null> => {
    child.kill("SIGTERM");
    const [code] = (await exited) as [number | null];
    await rm(folder, { recursive: true, force: true });
    return code;
  };
  return { url, process: child, stop };
}

async function addressOf(child: ChildProcess, exited: Promise<readonly unknown[]>): Promise<string> {
  if (!child.stdout) throw new Error("the application has no output");
  const lines = createInterface({ input: child.stdout });
  const said = once(lines, "line").then(([line]) => /http:\S+/.exec(String(line))?.[0]);
  const ended = exited.then(([code]) => {
    throw new Error(`the application ended with ${code}`);
  });
  const url = await Promise.race([said, ended]);
  if (url === undefined) throw new Error("the application does not say where it is");
  return url;
}

/** What the kernel knows of a process, in bytes. https://man7.org/linux/man-pages/man5/proc_pid_io.5.html */
export interface ProcessCounters {
  /** Taken by read(2) and its like, from files and sockets. */
  readonly readBytes: number;
  /** Given to write(2) and its like. */
  readonly writtenBytes: number;
  /** Resident memory now, and at its highest. */
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

export async function countersOf(pid: number): Promise<ProcessCounters> {
  const [io, status] = await Promise.all([readFile(`/proc/${pid}/io`, "utf8"), readFile(`/proc/${pid}/status`, "utf8")]);
  const count = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
  return {
    readBytes: count(io, "rchar"),
    writtenBytes: count(io, "wchar"),
    rssBytes: count(status, "VmRSS") * 1024,
    peakRssBytes: count(status, "VmHWM") * 1024,
  };
}

export function startBrowser(executablePath: string): Promise<Browser> {
  // In a container there is often neither a user namespace nor a large /dev/shm.
  // Where no locale is set Chromium saves names beyond ASCII as "download".
  const env = { ...process.env, LC_ALL: "C.UTF-8" };
  return chromium.launch({ executablePath, env, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}
