// Versions, builds and publishes a copy of the working tree, as a release does.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { type CheckContext, CheckFailure } from "../checks/check.ts";
import { type PublishedPackage, publishedPackages, readManifest } from "../checks/packages.ts";
import type { Registry } from "./registry.ts";

const gitIdentity = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost", "-c", "commit.gpgsign=false"];

/** What git knows or would add, so that work in progress is rehearsed and what is ignored stays away. */
export function copyTree(root: string, target: string): void {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const path of listed.split("\0")) {
    if (path === "" || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(root, path), join(target, path));
  }
}

/** @returns the packages with the versions that were published */
export async function release(context: CheckContext, tree: string, registry: Registry): Promise<readonly PublishedPackage[]> {
  const git = (...args: string[]): Promise<string> => context.run("git", [...gitIdentity, ...args], { cwd: tree });
  await git("init", "-q", "-b", "main");
  await git("add", "-A");
  await git("commit", "-q", "-m", "Before the release");
  await context.run("pnpm", ["install", "--frozen-lockfile", "--prefer-offline", "--reporter=append-only"], { cwd: tree });
  writeChangeset(tree, "rehearsal", { "@omni/core": "minor" });
  await changeset(context, tree, "version");
  await git("add", "-A");
  await git("commit", "-q", "-m", "Version packages");
  const packages = publishedPackages(tree);
  // No uplink for the scope: whatever the public registry has under these names, this one knows nothing of it before the release.
  for (const { manifest } of packages) {
    if ((await versionsOf(registry, manifest.name)).length > 0)
      throw new CheckFailure(`${manifest.name} is in the local registry before it was published`);
  }
  const folders = packages.map(({ path }) => path);
  await context.run(join(tree, "node_modules", ".bin", "tsc"), ["-b", ...folders], { cwd: tree });
  await context.run(process.execPath, [join(tree, "tools", "build", "bundle.mjs"), ...folders], { cwd: tree });
  writeFileSync(join(tree, ".npmrc"), registry.npmrc);
  await changeset(context, tree, "publish", "--no-git-tag");
  for (const { manifest } of packages) {
    const versions = await versionsOf(registry, manifest.name);
    if (versions.join() !== manifest.version)
      throw new CheckFailure(`${manifest.name}: the registry has ${versions.join() || "nothing"}, not ${manifest.version}`);
  }
  return packages;
}

async function changeset(context: CheckContext, tree: string, ...args: string[]): Promise<void> {
  await context.run(process.execPath, [join(tree, "node_modules", "@changesets", "cli", "bin.js"), ...args], { cwd: tree });
}

async function versionsOf(registry: Registry, name: string): Promise<readonly string[]> {
  const answer = await fetch(new URL(name.replace("/", "%2f"), registry.url));
  if (answer.status === 404) return [];
  if (!answer.ok) throw new CheckFailure(`the local registry answers ${answer.status} for ${name}`);
  return Object.keys(((await answer.json()) as { versions: Record<string, unknown> }).versions);
}

function writeChangeset(tree: string, name: string, bumps: Readonly<Record<string, string>>): void {
  const lines = Object.entries(bumps).map(([packageName, bump]) => `"${packageName}": ${bump}`);
  writeFileSync(join(tree, ".changeset", `${name}.md`), `---\n${lines.join("\n")}\n---\n\nRehearses a release.\n`);
}

/**
 * A minor of core at 1.4.0 makes every package 1.5.0, and no peer range asks for more than the range a user already has.
 *
 * @throws CheckFailure when a dependent is bumped to a major
 */
export async function minorStaysMinor(context: CheckContext, tree: string): Promise<void> {
  const manifests = globSync(["{packages,examples,tools}/*/package.json", "{tools,bench}/package.json"], { cwd: context.root });
  const unversioned = manifests.filter((path) => readManifest(join(context.root, dirname(path))).version === undefined);
  if (unversioned.length > 0)
    throw new CheckFailure(`changesets needs a version, "0.0.0" for a private package: ${unversioned.join(", ")}`);
  for (const path of ["package.json", "pnpm-workspace.yaml", ".changeset/config.json", ...manifests]) {
    const text = readFileSync(join(context.root, path), "utf8");
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), path.startsWith("packages/") ? text.replace(/"version": "[^"]+"/, '"version": "1.4.0"') : text);
  }
  symlinkSync(join(context.root, "node_modules"), join(tree, "node_modules"));
  writeChangeset(tree, "a-minor-of-core", { "@omni/core": "minor" });
  await changeset(context, tree, "version");
  const wrong = publishedPackages(tree).filter(({ manifest }) => manifest.version !== "1.5.0");
  if (wrong.length > 0)
    throw new CheckFailure(
      `a minor of core makes ${wrong.map(({ manifest: { name, version } }) => `${name} ${version}`).join(", ")}`,
    );
  const peers = publishedPackages(tree).filter(({ manifest }) =>
    Object.values(manifest.peerDependencies ?? {}).some((range) => /^workspace:(?!\^)/.test(range)),
  );
  if (peers.length > 0)
    throw new CheckFailure(`peer ranges that only one version meets: ${peers.map(({ manifest }) => manifest.name).join(", ")}`);
}
