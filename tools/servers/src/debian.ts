/**
 * Debian packages of another suite, in a tree of their own in the cache; the host's packages are not touched. Programs run in it by
 * chroot within a mount namespace of their own, so that /proc, /dev and the instance's folder are there for that process alone and
 * nothing stays mounted. Root only.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists, filled, onPath } from "./executables.ts";
import type { Site } from "./kind.ts";
import { cacheDirectory } from "./places.ts";
import { type Command, markVariable, mustRun } from "./processes.ts";
import type { DebianProgram } from "./versions.ts";

export function debianRoot(pin: DebianProgram): string {
  return join(cacheDirectory(), "debian", pin.suite);
}

/** `$1` the tree, `$2` a folder to show in it at the same path, `$3` the mark; then the program. Replaces itself by the program. */
const enter = `set -e
tree=$1 folder=$2 mark=$3; shift 3
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mkdir -p "$tree$folder"
mount --bind "$folder" "$tree$folder"
exec chroot "$tree" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${markVariable}="$mark" "$@"`;

/** The command that runs a program in the tree; without a tree the program of the host. */
export function inside(
  home: string | undefined,
  site: Pick<Site, "id" | "directory">,
  command: string,
  args: readonly string[],
): Command {
  if (!home) return { command, args };
  const shell = ["--mount", "--propagation", "private", "--", "/bin/sh", "-c", enter, "sh"];
  return { command: "unshare", args: [...shell, home, site.directory, site.id, command, ...args] };
}

/** The version of a package in the tree, as dpkg's own records have it; undefined when it is not there. */
export async function installedVersion(pin: DebianProgram, name: string): Promise<string | undefined> {
  const status = await readFile(join(debianRoot(pin), "var/lib/dpkg/status"), "utf8").catch(() => "");
  for (const paragraph of status.split("\n\n")) {
    if (!new RegExp(`^Package: ${name}$`, "m").test(paragraph)) continue;
    return /^Version: (?:\d+:)?([^-+~\n]+)/m.exec(paragraph)?.[1];
  }
  return undefined;
}

/** Makes the tree by debootstrap from the archive that the host's apt uses, then installs the packages. */
export async function installDebian(pin: DebianProgram, say: (line: string) => void): Promise<void> {
  const root = debianRoot(pin);
  if (await exists(join(root, "var/lib/dpkg/status"))) return;
  if (process.getuid?.() !== 0 || !(await onPath("apt-get"))) throw new Error("needs Debian (or Ubuntu) and root");
  if (!(await onPath("debootstrap"))) {
    say("apt-get install debootstrap");
    await mustRun({ command: "apt-get", args: ["update", "-qq"], timeoutMs: 5 * 60_000 });
    await mustRun({
      command: "apt-get",
      args: ["install", "-y", "-qq", "--no-install-recommends", "debootstrap"],
      timeoutMs: 5 * 60_000,
    });
  }
  say(`debootstrap ${pin.suite}, then ${pin.packages.join(" ")} (minutes, 1.1 GB)`);
  await filled(root, (tree) => fill(pin, tree));
}

async function fill(pin: DebianProgram, tree: string): Promise<void> {
  const bootstrap = ["--variant=minbase", "--include=ca-certificates", pin.suite, tree, await archive()];
  const alone = ["--mount", "--propagation", "private", "--", "debootstrap", ...bootstrap];
  await mustRun({ command: "unshare", args: alone, timeoutMs: 20 * 60_000 });
  // No service starts in the tree, and a moving suite whose index is some days old will do.
  await writeFile(join(tree, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  await writeFile(
    join(tree, "etc/apt/apt.conf.d/99servers"),
    'Acquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\n',
  );
  const place = { id: "install", directory: "/tmp" };
  await mustRun({ ...inside(tree, place, "apt-get", ["update", "-qq"]), timeoutMs: 5 * 60_000 });
  await mustRun({ ...inside(tree, place, "apt-get", ["install", "-y", "-qq", ...pin.packages]), timeoutMs: 20 * 60_000 });
  await mustRun({ ...inside(tree, place, "apt-get", ["clean"]), timeoutMs: 60_000 });
}

/** The archive named first in the host's apt sources, in the one-line or the deb822 form. */
async function archive(): Promise<string> {
  const folder = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...(await readdir(folder).catch(() => [])).map((file) => join(folder, file))];
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(() => "");
    const found = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)/m.exec(text) ?? /^URIs:\s*(\S+)/m.exec(text);
    if (found) return found[1]!;
  }
  throw new Error("the host's apt has no source: add one to /etc/apt/sources.list");
}
