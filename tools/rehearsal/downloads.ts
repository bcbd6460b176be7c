// What a consumer of each package downloads: all packages are installed in one folder by npm, and each one's share is followed through what npm
// wrote down about it. Limits keep anything from being brought along unseen.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type CheckContext, CheckFailure } from "../checks/check.ts";
import type { PublishedPackage } from "../checks/packages.ts";
import type { Registry } from "./registry.ts";

/** Most packages, and most mebibytes unpacked, that a package may bring, itself and core included. What has no line may bring itself and core only. */
export const limits: Readonly<Record<string, { readonly packages: number; readonly mib: number }>> = {
  "@omni/cli": { packages: 45, mib: 16 },
  "@omni/cloud": { packages: 18, mib: 7 },
  "@omni/gcs": { packages: 75, mib: 24 },
  "@omni/otel": { packages: 4, mib: 5 },
  "@omni/queue-kafka": { packages: 4, mib: 5 },
  "@omni/queue-nats": { packages: 7, mib: 6 },
  "@omni/s3": { packages: 40, mib: 18 },
  "@omni/sftp": { packages: 13, mib: 8 },
};

/** Itself and core. */
const ownLimit = { packages: 2, mib: 4 };

/** Packages of others that may run a script when they are installed: natively built parts that are not needed. */
const scriptsAllowed: ReadonlySet<string> = new Set(["ssh2", "cpu-features"]);

/** What npm writes down about an installed package, as far as it matters here. */
export interface Installed {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly hasInstallScript?: boolean;
}

/** What comes with one package. */
export interface Download {
  readonly name: string;
  /** Folders, the package's own one first. */
  readonly folders: readonly string[];
  readonly bytes: number;
}

/**
 * Follows a package's dependencies as Node finds them, from its folder upwards.
 *
 * @param lock folder, such as `node_modules/a/node_modules/b`, to what is there
 */
export function closure(lock: ReadonlyMap<string, Installed>, name: string): readonly string[] {
  const found = new Set([`node_modules/${name}`]);
  for (const folder of found) {
    const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta } = lock.get(folder) ?? {};
    const peers = Object.keys(peerDependencies).filter((peer) => peerDependenciesMeta?.[peer]?.optional !== true);
    for (const wanted of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      const at = upwards(folder, wanted).find((candidate) => lock.has(candidate));
      if (at !== undefined) found.add(at); // Absent: of another platform, or a peer that nobody asked for.
    }
  }
  return [...found];
}

function upwards(folder: string, name: string): readonly string[] {
  const parts = folder.split("node_modules/"); // The first one is empty.
  const places = parts.slice(1).map((_, at) => `${parts.slice(0, at + 1).join("node_modules/")}node_modules/${name}`);
  return [`${folder}/node_modules/${name}`, ...places.toReversed()];
}

/** Installs everything that was published. @throws CheckFailure when a package brings more than it may, or something that runs at install */
export async function downloads(
  context: CheckContext,
  folder: string,
  registry: Registry,
  packages: readonly PublishedPackage[],
): Promise<readonly Download[]> {
  const dependencies = Object.fromEntries(packages.map(({ manifest: { name, version } }) => [name, version]));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "everything", private: true, dependencies }, undefined, 2));
  writeFileSync(join(folder, ".npmrc"), registry.npmrc);
  const install = ["install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await context.run("npm", install, { cwd: folder });
  const text = readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8");
  const lock = new Map(Object.entries((JSON.parse(text) as { packages: Record<string, Installed> }).packages));
  const sizes = new Map([...lock.keys()].map((at) => [at, ownBytes(join(folder, at))]));
  const found = packages.map(({ manifest: { name } }): Download => {
    const folders = closure(lock, name);
    return { name, folders, bytes: folders.reduce((sum, at) => sum + (sizes.get(at) ?? 0), 0) };
  });
  for (const line of table(found)) context.log(line);
  const scripts = [...lock].flatMap(([at, { hasInstallScript }]) => (hasInstallScript ? [lastName(at)] : []));
  const wrong = [...tooMuch(found), ...scripts.filter((name) => !scriptsAllowed.has(name)).map((name) => `${name} runs a script`)];
  if (wrong.length > 0) throw new CheckFailure(`a consumer downloads more than agreed: ${wrong.join("; ")}`);
  return found;
}

/** The packages that are over their limits, in words. */
export function tooMuch(found: readonly Download[], agreed: typeof limits = limits): readonly string[] {
  return found.flatMap(({ name, folders, bytes }) => {
    const limit = agreed[name] ?? ownLimit;
    const mib = bytes / 2 ** 20;
    const strangers = agreed[name] ? [] : folders.map(lastName).filter((other) => scopeOf(other) !== scopeOf(name));
    return [
      ...(strangers.length > 0 ? [`${name} brings ${strangers.join(", ")}`] : []),
      ...(folders.length > limit.packages ? [`${name} brings ${folders.length} packages, not ${limit.packages}`] : []),
      ...(mib > limit.mib ? [`${name} brings ${mib.toFixed(1)} MiB, not ${limit.mib}`] : []),
    ];
  });
}

/** Markdown. */
function table(found: readonly Download[]): readonly string[] {
  const rows = found.map(({ name, folders, bytes }) => {
    const others = folders.filter((at) => scopeOf(lastName(at)) !== scopeOf(name)).length;
    return `| \`${name}\` | ${folders.length - others} | ${others} | ${(bytes / 2 ** 20).toFixed(1)} |`;
  });
  return ["| package | of the scope | of others | MiB, unpacked |", "| --- | --- | --- | --- |", ...rows];
}

function lastName(folder: string): string {
  return folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
}

function scopeOf(name: string): string {
  return name.startsWith("@") ? name.slice(0, name.indexOf("/")) : "";
}

function ownBytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    if (entry.name === "node_modules") return sum;
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? ownBytes(path) : statSync(path).size);
  }, 0);
}
