import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Need, Peer } from "./benchmark.ts";

/** A peer that is not on this machine: shown, never dropped in silence. */
export interface Skipped {
  readonly peer: string;
  readonly why: string;
  readonly how: string;
}

/** Parts the peers into those that can run here and those that cannot, with the reason. */
export function present(peers: readonly Peer[]): { readonly running: Peer[]; readonly skipped: Skipped[] } {
  const running: Peer[] = [];
  const skipped: Skipped[] = [];
  for (const peer of peers) {
    const why = peer.needs && lack(peer.needs);
    if (why === undefined) running.push(peer);
    else skipped.push({ peer: peer.name, why, how: peer.needs?.how ?? "" });
  }
  return { running, skipped };
}

function lack(need: Need): string | undefined {
  if ("package" in need) return packageFolder(need.package) === undefined ? `package ${need.package} is not installed` : undefined;
  return findProgram(need.program) === undefined ? `program ${need.program} is not on the PATH` : undefined;
}

/** Where a program stands on the PATH. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const candidate = join(folder, name);
    if (succeeds(() => accessSync(candidate, constants.X_OK))) return candidate;
  }
  return undefined;
}

/** The installed version of a package that a peer needs. */
export function packageVersion(name: string): string | undefined {
  const folder = packageFolder(name);
  return folder && (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
}

/** Walks up as Node does: `exports` of a package need not offer its package.json, nor an entry for every condition. */
function packageFolder(name: string): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (succeeds(() => accessSync(join(candidate, "package.json")))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Whether an access check passes; every reason for "no" (absent, no right, not a folder) is the same answer here. */
function succeeds(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
