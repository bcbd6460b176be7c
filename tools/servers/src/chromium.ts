/** The browser of the page tests: Debian's own package, or whatever Chromium there is. It is a program and no server: tests start it themselves. */
import { constants } from "node:fs";
import { absent, exists, onPath } from "./executables.ts";
import type { Absent, Program } from "./kind.ts";
import { mustRun, run } from "./processes.ts";

/** What it is called, by distribution. */
const commands = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"] as const;

/** `OMNI_CHROMIUM` = an executable; else the first of its names on the PATH. */
export async function probeChromium(variables: NodeJS.ProcessEnv = process.env): Promise<Program | Absent> {
  const named = variables.OMNI_CHROMIUM;
  if (named && !(await exists(named, constants.X_OK)))
    return { why: `OMNI_CHROMIUM names ${named}, which cannot be run`, remedy: "name an executable, or unset it" };
  for (const command of named ? [named] : await Promise.all(commands.map(onPath))) {
    if (command === undefined) continue;
    const said = await run({ command, args: ["--version"], timeoutMs: 30_000 });
    return { from: "path", command, version: /\d+(?:\.\d+){2,3}/.exec(said.stdout)?.[0] ?? "unknown" };
  }
  return absent("chromium", `none of ${commands.join(", ")} on the PATH`, "Debian and root");
}

/** Installs the host's own package; Debian keeps it up to date, so no version is pinned. */
export async function installChromium(say: (line: string) => void): Promise<void> {
  if (!("why" in (await probeChromium()))) return;
  if (process.getuid?.() !== 0 || !(await onPath("apt-get"))) throw new Error("needs Debian and root, or OMNI_CHROMIUM");
  say("apt-get install chromium (350 MB)");
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await mustRun({ command: "apt-get", args: ["update", "-qq"], env, timeoutMs: 5 * 60_000 });
  await mustRun({
    command: "apt-get",
    args: ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    env,
    timeoutMs: 15 * 60_000,
  });
}
