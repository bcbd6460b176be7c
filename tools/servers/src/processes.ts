/** Processes of the operating system: started detached, recognised by their command line, ended by their id. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Node before 22.18 runs TypeScript only when asked to. */
export const typeScriptFlags: readonly string[] = process.features.typescript ? [] : ["--experimental-strip-types"];

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The environment variable that a started server carries. */
export const markVariable = "OMNI_SERVER_ID";

/** Starts a process in a session of its own, its output appended to `logFile`; it outlives this process. */
export function startDetached(plan: Command, mark: string, directory: string, logFile: string): Promise<number> {
  const log = openSync(logFile, "a");
  return new Promise<number>((resolve, reject) => {
    const child = spawn(plan.command, plan.args, {
      cwd: directory,
      env: { ...process.env, NODE_OPTIONS: "", ...plan.env, [markVariable]: mark },
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.once("error", reject);
    child.once("spawn", () => resolve(child.pid!));
    child.unref();
  }).finally(() => closeSync(log));
}

/** Whether process `pid` lives and its command line holds `mark`; a process id used again by somebody else is not ours. */
export async function isOurs(pid: number, mark: string): Promise<boolean> {
  return (await commandLine(pid)).includes(mark);
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === "linux") {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8"); // empty for a process that ended and was not waited for
    } catch {
      return ""; // no such process
    }
  }
  const result = await run({ command: "ps", args: ["-o", "command=", "-p", String(pid)] });
  return result.stdout;
}

/**
 * Processes whose environment carries the mark, also those that a dead owner had no time to write down. Linux only; elsewhere the
 * recorded process ids have to do.
 */
export function marked(mark: string): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    return Number.isInteger(pid) && environment(pid).includes(`${markVariable}=${mark}\0`) ? [pid] : [];
  });
}

function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // gone, or somebody else's
  }
}

/** Sends a signal to one of ours; false when it had ended. */
export async function signal(pid: number, mark: string, name: NodeJS.Signals): Promise<boolean> {
  if (!(await isOurs(pid, mark))) return false;
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** The processes below a process, such as sshd's one for each connection, which outlive it. Linux only. */
export function descendants(pid: number): number[] {
  if (process.platform !== "linux") return [];
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const child = Number(name);
    const parent = Number.isInteger(child) ? parentOf(child) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const found: number[] = [];
  for (let next = [pid]; next.length > 0; ) {
    next = next.flatMap((one) => children.get(one) ?? []);
    found.push(...next);
  }
  return found;
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    return undefined; // gone
  }
}

/** Sends a signal to processes that were just found to be below one of ours. */
export function signalAll(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Asks a process to end, and after `patienceMs` makes it end; resolves when it is gone. */
export async function end(pid: number, mark: string, patienceMs: number): Promise<void> {
  if (!(await signal(pid, mark, "SIGTERM"))) return;
  await signal(pid, mark, "SIGCONT"); // a stopped process would not see it
  if (await gone(pid, mark, patienceMs)) return;
  await signal(pid, mark, "SIGKILL");
  if (!(await gone(pid, mark, 5000))) throw new Error(`process ${pid} (${mark}) survives SIGKILL`);
}

/** Waits until the process is gone; false when it still lives after `withinMs`. */
export async function gone(pid: number, mark: string, withinMs: number): Promise<boolean> {
  // The process may be a child of another process than this one, so that no exit event tells.
  const last = performance.now() + withinMs;
  while (await holdsOn(pid, mark)) {
    if (performance.now() > last) return false;
    await delay(10);
  }
  return true;
}

/** Waits until every thread of a stopped process stands still; on a busy machine one may go on for a while. Linux only. */
export async function standsStill(pid: number): Promise<void> {
  if (process.platform !== "linux") return;
  const last = performance.now() + 5_000;
  while (performance.now() < last) {
    try {
      const threads = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8"));
      if (threads.every((text) => /\) [TtZX] /.test(text))) return;
    } catch {
      // A thread ended between the listing and the look.
    }
    await delay(5);
  }
  throw new Error(`process ${pid} goes on after SIGSTOP`);
}

/**
 * Whether a process still holds on to its files and ports. On its way out it has no command line any more, and yet its port is taken;
 * it is over when it is gone, or is a zombie without another thread.
 */
async function holdsOn(pid: number, mark: string): Promise<boolean> {
  if (process.platform !== "linux") return isOurs(pid, mark);
  const text = await commandLine(pid);
  if (text !== "") return text.includes(mark);
  try {
    const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
    return state !== "Z" || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false; // gone
  }
}

/** Resident memory of a process in bytes; undefined where the system does not tell. */
export function residentBytes(pid: number): number | undefined {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined; // gone, or not Linux
  }
}

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end and keeps its output; a program that is absent answers code null. */
export function run(
  plan: Command & { readonly cwd?: string; readonly timeoutMs?: number; readonly input?: string },
): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(plan.command, plan.args, {
      cwd: plan.cwd,
      env: { ...process.env, NODE_OPTIONS: "", ...plan.env },
    });
    const patience = setTimeout(() => child.kill("SIGKILL"), plan.timeoutMs ?? 60_000).unref();
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdin.on("error", () => {}); // a program that ends without reading its input is judged by its exit code
    child.stdin.end(plan.input ?? "");
    const finish = (result: Result) => {
      clearTimeout(patience);
      resolve(result);
    };
    child.once("error", (error) => finish({ code: null, stdout, stderr: `${stderr}${error.message}` }));
    child.once("close", (code) => finish({ code, stdout, stderr }));
  });
}

/** As `run`, but anything else than exit code 0 is an error that quotes the end of what the program said. */
export async function mustRun(plan: Parameters<typeof run>[0]): Promise<string> {
  const result = await run(plan);
  if (result.code === 0) return result.stdout;
  const said = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-12).join("\n");
  throw new Error(`${plan.command} ${plan.args.join(" ")}: exit ${result.code}\n${said}`);
}
