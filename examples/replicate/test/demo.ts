import { execFile } from "node:child_process";
import { join } from "node:path";

const ENTRY = join(import.meta.dirname, "../src/index.ts");

/** Runs the demo as a program of its own. */
export function demo(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const flags = ["--conditions=@omni/source", "--experimental-strip-types", "--no-warnings"];
    execFile(process.execPath, [...flags, ENTRY, ...args], { env: { ...process.env, NODE_OPTIONS: "" } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error ? 99 : 0, stdout, stderr }),
    );
  });
}
