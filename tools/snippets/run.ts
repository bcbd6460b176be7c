// Runs a program of a page in an empty folder of its own.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { sourceFlags } from "../bootstrap/toolchain.mjs";

export interface ProgramEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param timeoutMs after which the program is killed; its end is then -1 */
export async function runProgram(path: string, timeoutMs = 60_000): Promise<ProgramEnd> {
  const cwd = await mkdtemp(join(dirname(path), "run-"));
  // Jest's own flags and markers are not the program's.
  const { NODE_OPTIONS: _, NODE_ENV: __, NODE_TEST_CONTEXT: ___, JEST_WORKER_ID: ____, ...env } = process.env;
  try {
    return await new Promise((done) => {
      execFile(
        process.execPath,
        [...sourceFlags(), path],
        { cwd, env, timeout: timeoutMs, killSignal: "SIGKILL" },
        (error, stdout, stderr) => {
          const code = error ? (typeof error.code === "number" ? error.code : -1) : 0;
          done({ code, stdout, stderr });
        },
      );
    });
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
