import { spawn } from "node:child_process";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** The command line that runs `omni` from its sources. */
export const OMNI: readonly string[] = [
  process.execPath,
  "--experimental-strip-types",
  "--no-warnings",
  "--conditions=@omni/source",
  MAIN,
];

/** How a run of `omni` ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** An environment that no configuration of this machine reaches. */
export function bareEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, AWS_EC2_METADATA_DISABLED: "true", ...env };
}

/** Runs `omni` as a process of its own. */
export async function omni(args: readonly string[], { cwd, env, input = "" }: RunOptions): Promise<Ended> {
  const [node = "", ...flags] = OMNI;
  const child = spawn(node, [...flags, ...args], { cwd, env: bareEnvironment(env), stdio: "pipe" });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8");
    child[name].on("data", (text: string) => {
      texts[name] += text;
    });
  }
  // A command that does not read its input may be gone before it is written.
  child.stdin.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, ...texts };
}

/** A directory that is gone after its test. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "omni-cli-")));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The lines of a text, without the last one's end. */
export function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}

/** The objects of JSON lines. */
export function objectsOf(text: string): Record<string, unknown>[] {
  return linesOf(text)
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
