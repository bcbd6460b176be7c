// The packages that are published: every folder of packages/ whose manifest is not private.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Manifest {
  readonly name: string;
  /** Absent only where somebody forgot it; what is published has one. */
  readonly version?: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface PublishedPackage {
  /** Folder name under packages/. */
  readonly folder: string;
  readonly path: string;
  readonly manifest: Manifest;
}

export function publishedPackages(root: string): readonly PublishedPackage[] {
  const parent = join(root, "packages");
  return readdirSync(parent)
    .filter((folder) => existsSync(join(parent, folder, "package.json")))
    .sort()
    .map((folder) => ({ folder, path: join(parent, folder), manifest: readManifest(join(parent, folder)) }))
    .filter(({ manifest }) => manifest.private !== true);
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

/** The entry points that have types: export path and declaration file. */
export function typedEntries({ path, manifest }: PublishedPackage): readonly { readonly entry: string; readonly types: string }[] {
  return Object.entries(manifest.exports).flatMap(([entry, target]) =>
    typeof target === "object" && target.types ? [{ entry, types: join(path, target.types) }] : [],
  );
}
