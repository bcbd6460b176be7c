// Checks of what is published: the tarballs as pnpm packs them, and the public API beside its report.
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";
import { type PublishedPackage, publishedPackages } from "./packages.ts";
import { packedFiles } from "./packed-files.ts";
import { tarballFaults } from "./tarball.ts";
import { agreedSizes, sizeFaults, sizeOf } from "./tarball-sizes.ts";

interface Tarball {
  readonly name: string;
  readonly file: string;
  readonly published: PublishedPackage;
}

async function packAll(context: CheckContext): Promise<readonly Tarball[]> {
  const tarballs: Tarball[] = [];
  for (const published of publishedPackages(context.root)) {
    const { path, manifest } = published;
    const folder = join(context.scratch, basename(path));
    mkdirSync(folder);
    const file = join(folder, "package.tgz");
    await context.run("pnpm", ["pack", "--out", file], { cwd: path });
    tarballs.push({ name: manifest.name, file, published });
  }
  return tarballs;
}

/** The files of each tarball, its size beside what was agreed, and publint's rules. */
export async function publint(context: CheckContext): Promise<CheckOutcome> {
  const agreed = agreedSizes(context.root);
  return eachTarball(context, async ({ name, file, published }) => {
    const tarball = readFileSync(file);
    const faults = [...tarballFaults(packedFiles(tarball)), ...sizeFaults(sizeOf(published, tarball), agreed[name])];
    if (faults.length > 0) {
      context.log(`${name}: ${faults.join("; ")}`);
      throw new CheckFailure(name);
    }
    await context.run("publint", ["run", file, "--strict"], { env: toolsPath(context) });
  });
}

export async function attw(context: CheckContext): Promise<CheckOutcome> {
  return eachTarball(context, ({ file }) =>
    context.run("attw", [file, "--profile", "esm-only", "--no-emoji"], { env: toolsPath(context) }),
  );
}

async function eachTarball(context: CheckContext, check: (tarball: Tarball) => Promise<unknown>): Promise<CheckOutcome> {
  const failures: string[] = [];
  const tarballs = await packAll(context);
  for (const tarball of tarballs) {
    await check(tarball).catch((error: unknown) => {
      if (!(error instanceof CheckFailure)) throw error;
      context.signal.throwIfAborted();
      failures.push(tarball.name);
    });
  }
  if (failures.length > 0)
    throw new CheckFailure(failures.join(", "), { passed: tarballs.length - failures.length, failed: failures.length });
  return { passed: tarballs.length };
}

/** The tools' own dependencies are not on the root's PATH. */
export function toolsPath(context: CheckContext): { readonly PATH: string } {
  return { PATH: `${join(context.root, "tools", "node_modules", ".bin")}:${context.env.PATH ?? ""}` };
}
