// What a packed tarball may hold, and must.
import { posix } from "node:path";

import type { Manifest } from "./packages.ts";
import type { PackedFile } from "./packed-files.ts";

const allowed: readonly RegExp[] = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^[\w.]+\.schema\.json$/,
  /^src\/.+\.ts$/,
  /^dist\/.+\.(js|d\.ts)(\.map)?$/,
];
const required: readonly string[] = ["package.json", "README.md", "LICENSE"];

/**
 * @param files of the tarball
 * @returns what is wrong with them, in words
 */
export function tarballFaults(files: readonly PackedFile[]): readonly string[] {
  const texts = new Map(files.map(({ path, content }) => [path, new TextDecoder().decode(content)]));
  const paths = [...texts.keys()];
  const sources = paths.filter((file) => /^src\/.+(?<!\.d)\.ts$/.test(file));
  const declarations = paths.filter((file) => /^dist\/.+\.d\.ts$/.test(file));
  return [
    ...required.filter((file) => !texts.has(file)).map((file) => `${file} is missing`),
    ...paths.filter((file) => !allowed.some((pattern) => pattern.test(file))).map((file) => `${file} does not belong there`),
    ...paths.filter((file) => /(^|\/)(test|tests|__tests__)\/|\.test\./.test(file)).map((file) => `${file} is a test`),
    ...sources.map(declaration).flatMap((file) => (texts.has(file) ? [] : [`${file} was not built`])),
    ...declarations.filter((file) => !texts.has(source(file))).map((file) => `${file} has no source any more`),
    ...importFaults(texts),
    ...mapFaults(texts),
  ];
}

function declaration(file: string): string {
  return file.replace(/^src\//, "dist/").replace(/\.ts$/, ".d.ts");
}

function source(file: string): string {
  return file.replace(/^dist\//, "src/").replace(/\.d\.ts$/, ".ts");
}

/** Files that nothing leads to from the manifest, and those that are not where something leads. */
function importFaults(texts: ReadonlyMap<string, string>): readonly string[] {
  const { exports = {}, bin = {} } = JSON.parse(texts.get("package.json") ?? "{}") as Partial<Manifest>;
  const targets = Object.values(exports).map((target) => (typeof target === "string" ? target : (target.default ?? "")));
  const starts = [...targets, ...Object.values(bin)]
    .map((target) => posix.normalize(target))
    .filter((file) => file.endsWith(".js"));
  const reached = new Set(starts);
  for (const file of reached) for (const next of relativeImports(file, texts.get(file) ?? "")) reached.add(next);
  const modules = [...texts.keys()].filter((file) => /^dist\/.+\.js$/.test(file));
  return [
    ...[...reached].filter((file) => !texts.has(file)).map((file) => `${file} is named or imported, and not there`),
    ...modules.filter((file) => !reached.has(file)).map((file) => `${file} is imported by nothing`),
  ];
}

function relativeImports(file: string, text: string): readonly string[] {
  const found = text.matchAll(/^(?:import|export) (?:[^'"]* from )?['"](\.[^'"]+)['"]|\bimport\(['"](\.[^'"]+)['"]\)/gm);
  return [...found].map(([, atOnce, late]) => posix.join(posix.dirname(file), atOnce ?? late ?? ""));
}

/** Maps that are missing, that lead to nothing, and modules that are in two files, whose classes and registries would be two. */
function mapFaults(texts: ReadonlyMap<string, string>): readonly string[] {
  const homes = new Map<string, string>();
  const faults: string[] = [];
  for (const file of [...texts.keys()].filter((path) => /^dist\/.+\.js$/.test(path))) {
    const map = texts.get(`${file}.map`);
    if (map === undefined) faults.push(`${file} has no map`);
    for (const from of (JSON.parse(map ?? '{"sources":[]}') as { readonly sources: readonly string[] }).sources) {
      const path = posix.join(posix.dirname(file), from);
      if (!texts.has(path)) faults.push(`${file} comes from ${path}, which is not there`);
      const other = homes.get(path);
      if (other !== undefined) faults.push(`${path} is in ${other} and in ${file}`);
      homes.set(path, file);
    }
  }
  return faults;
}
