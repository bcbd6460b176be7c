/** Programs on the PATH and in the cache. */
import { constants } from "node:fs";
import { access, chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import type { Absent, Program } from "./kind.ts";
import { cacheDirectory } from "./places.ts";
import { mustRun, run } from "./processes.ts";
import type { GoProgram } from "./versions.ts";

/** The first executable of that name on the PATH. */
export async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (!folder) continue;
    if (await exists(join(folder, name), constants.X_OK)) return join(folder, name);
  }
  return undefined;
}

export async function exists(path: string, mode: number = constants.F_OK): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    return false; // absent, or not ours to use: both mean that there is none
  }
}

/** What a server answers that cannot be had: the reason and the command that gets it. */
export function absent(name: string, why: string, needs?: string): Absent {
  return { why, remedy: `npm run servers -- install ${name}${needs ? ` (needs ${needs})` : ""}` };
}

/** Discovery of a program made by `go install`: the PATH, then the cache. */
export async function probeGo(name: string, pin: GoProgram, versionArgs: readonly string[]): Promise<Program | Absent> {
  for (const [from, command] of [
    ["path", await onPath(pin.program)],
    ["cache", cached(pin)],
  ] as const) {
    if (command === undefined || !(await exists(command, constants.X_OK))) continue;
    if (from === "cache") return { from, command, version: pin.version };
    const answer = await run({ command, args: versionArgs, timeoutMs: 10_000 });
    return {
      from,
      command,
      version: /\d{4}-\d\d-\d\dT[\d-]+Z|\d+\.\d+\.\d+/.exec(answer.stdout + answer.stderr)?.[0] ?? "unknown",
    };
  }
  return absent(name, `no ${pin.program} on the PATH and none in the cache`, "Go");
}

function cached(pin: GoProgram): string {
  return join(cacheDirectory(), "go", `${pin.program}@${pin.version}`, pin.program);
}

/** `go install` into the cache. A second call finds the program and does nothing. */
export async function installGo(pin: GoProgram, say: (line: string) => void): Promise<void> {
  const target = cached(pin);
  if (await exists(target, constants.X_OK)) return;
  if (!(await onPath("go")))
    throw new Error(`${pin.program} is built by Go, and there is no "go" on the PATH: install Go 1.26 or later`);
  say(`go install ${pin.module}@${pin.version} (minutes, the first time)`);
  await filled(dirname(target), async (folder) => {
    await mustRun({
      command: "go",
      args: ["install", "-trimpath", "-ldflags=-s -w", `${pin.module}@${pin.version}`],
      cwd: folder,
      env: { GOBIN: folder },
      timeoutMs: 20 * 60_000,
    });
  });
}

/** Fills a folder aside and renames it into place, so that a folder in the cache is always whole; the first of two wins. */
export async function filled(target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const aside = await mkdtemp(`${target}.`);
  try {
    await chmod(aside, 0o755);
    await fill(aside);
    await rename(aside, target);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error; // another process has filled it meanwhile
  }
}
