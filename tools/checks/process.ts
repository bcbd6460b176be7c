// Runs programs into a log file, each in a process group of its own so that a hung one can be stopped with everything it started.
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync } from "node:fs";

import { CheckFailure, type RunOptions } from "./check.ts";

export interface ProcessOptions extends RunOptions {
  readonly logFile: string;
  readonly fullEnv: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly workingDirectory: string;
}

/** @returns everything the program wrote to its standard output */
export async function runProcess(command: string, args: readonly string[], options: ProcessOptions): Promise<string> {
  const { logFile, signal, live = false, okCodes = [0] } = options;
  signal.throwIfAborted();
  appendFileSync(logFile, `$ ${[command, ...args].join(" ")}\n`);
  const child = spawn(command, args, {
    cwd: options.workingDirectory,
    env: options.fullEnv,
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    appendFileSync(logFile, text);
    if (live) process.stdout.write(text);
  });
  let killing: NodeJS.Timeout | undefined;
  const stop = (): void => {
    signalGroup(child, "SIGTERM");
    killing ??= setTimeout(() => signalGroup(child, "SIGKILL"), graceMs(options.fullEnv));
  };
  let hanging: NodeJS.Timeout | undefined;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    appendFileSync(logFile, text);
    if (live) process.stderr.write(text);
    if (options.lastWords !== undefined && text.includes(options.lastWords)) hanging ??= setTimeout(stop, 10_000);
  });
  signal.addEventListener("abort", stop, { once: true });
  try {
    const [code, killedBy] = await ended(child, command);
    signal.throwIfAborted();
    if (code === null && hanging)
      throw new CheckFailure(`${command} did not end after its work: something is left open (see the log)`);
    if (code === null || !okCodes.includes(code)) throw new CheckFailure(`${command} ended with ${killedBy ?? code}`);
    return output;
  } finally {
    signal.removeEventListener("abort", stop);
    clearTimeout(hanging);
    clearTimeout(killing);
  }
}

function ended(child: ChildProcess, command: string): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((done, failed) => {
    child.on("error", (error) => failed(new CheckFailure(`${command} could not be started: ${error.message}`)));
    child.on("close", (code, killedBy) => done([code, killedBy]));
  });
}

/**
 * A check may run checks itself (`npm test` in the push tier), whose processes are in groups of their own: the inner runner needs the time to end
 * them before the outer one ends it.
 */
function graceMs(env: NodeJS.ProcessEnv): number {
  return Number(env.OMNI_CHECK_DEPTH ?? 1) > 1 ? 1000 : 5000;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch (error) {
    // The group may have ended by itself between the decision and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
