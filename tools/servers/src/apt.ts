/** Packages of the host's own Debian, where a program is not worth a tree of its own. Root only. */
import { rm, writeFile } from "node:fs/promises";
import { exists, onPath } from "./executables.ts";
import { mustRun } from "./processes.ts";
import type { AptProgram } from "./versions.ts";

// Asked by the packages' scripts before they start a service (invoke-rc.d(8)): tests start what they need themselves.
const policy = "/usr/sbin/policy-rc.d";

/** Installs packages; the services in them are not started. */
export async function installApt(pin: AptProgram, say: (line: string) => void): Promise<void> {
  if (await exists(pin.program)) return;
  if (process.getuid?.() !== 0 || !(await onPath("apt-get"))) throw new Error("needs Debian (or Ubuntu) and root");
  say(`apt-get install ${pin.packages.join(" ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await mustRun({ command: "apt-get", args: ["update", "-qq"], env, timeoutMs: 5 * 60_000 });
  const isOurs = !(await exists(policy));
  if (isOurs) await writeFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const args = ["install", "-y", "-qq", "--no-install-recommends", ...pin.packages];
    await mustRun({ command: "apt-get", args, env, timeoutMs: 10 * 60_000 });
  } finally {
    if (isOurs) await rm(policy);
  }
}
