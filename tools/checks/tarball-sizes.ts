// How large each published package is, beside the sizes that were agreed: `npm run sizes` writes them as they are, and the change is seen in the review.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { type PublishedPackage, publishedPackages } from "./packages.ts";
import { packedFiles } from "./packed-files.ts";
import { tarballFaults } from "./tarball.ts";

/** What one package is. */
export interface PackageSize {
  /** Bytes of the tarball, which a consumer downloads. */
  readonly packed: number;
  /** Bytes of its files. */
  readonly unpacked: number;
  /** Packages that its manifest depends on, peers left out. What those bring is limited in tools/rehearsal/downloads.ts. */
  readonly dependencies: number;
}

/** By the packages' names. */
export type SizeTable = Readonly<Record<string, PackageSize>>;

const tableFile = "tools/checks/tarball-sizes.json";

/** How much a package may grow before somebody has to agree: a tenth, and in small ones two kibibytes. */
const margin = 1.1;
const marginBytes = 2_048;

/** A package that shrinks to less than this share of what was agreed has room to grow unseen. */
const leastShare = 0.7;

/** What was agreed. */
export function agreedSizes(root: string): SizeTable {
  return JSON.parse(readFileSync(join(root, tableFile), "utf8")) as SizeTable;
}

export function sizeOf({ manifest }: PublishedPackage, tarball: Uint8Array): PackageSize {
  return {
    packed: tarball.byteLength,
    unpacked: packedFiles(tarball).reduce((sum, { content }) => sum + content.byteLength, 0),
    dependencies: Object.keys(manifest.dependencies ?? {}).length,
  };
}

/** What is wrong with a package's size, in words. */
export function sizeFaults(found: PackageSize, agreed: PackageSize | undefined): readonly string[] {
  if (agreed === undefined) return [`has no line in ${tableFile}: npm run sizes`];
  const grown = (["packed", "unpacked"] as const).flatMap((what) => {
    const limit = Math.max(agreed[what] * margin, agreed[what] + marginBytes);
    if (found[what] > limit) return [`${found[what]} bytes ${what}, ${agreed[what]} were agreed`];
    return found[what] < agreed[what] * leastShare ? [`only ${found[what]} bytes ${what} of ${agreed[what]}: agree on less`] : [];
  });
  const count = found.dependencies - agreed.dependencies;
  const more = count === 0 ? [] : [`${found.dependencies} dependencies, ${agreed.dependencies} were agreed`];
  const faults = [...grown, ...more];
  return faults.length === 0 ? [] : [...faults, "npm run sizes, when it is meant"];
}

/** Packs everything that is built and writes down what it comes to. */
function writeSizes(root: string): void {
  const scratch = mkdtempSync(join(tmpdir(), "omni-sizes-"));
  try {
    const table: Record<string, PackageSize> = {};
    for (const published of publishedPackages(root)) {
      const file = join(scratch, published.folder, "package.tgz");
      mkdirSync(dirname(file));
      execFileSync("pnpm", ["pack", "--out", file], { cwd: published.path, stdio: ["ignore", "ignore", "inherit"] });
      const tarball = readFileSync(file);
      const faults = tarballFaults(packedFiles(tarball));
      if (faults.length > 0) throw new Error(`${published.manifest.name}: ${faults.join("; ")} (npm run build)`);
      table[published.manifest.name] = sizeOf(published, tarball);
    }
    writeFileSync(join(root, tableFile), `${JSON.stringify(table, undefined, 2)}\n`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSizes(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
