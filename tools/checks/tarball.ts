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

/** An entry point is its own file, what it shares with an earlier one, and what it shares with a later one: each file costs whoever imports it. */
const mostAtOnce = 3;

/** Files that nothing leads to from the manifest, those that are not where something leads, and entry points that load many at once. */
function importFaults(texts: ReadonlyMap<string, string>): readonly string[] {
  const { exports = {}, bin = {} } = JSON.parse(texts.get("package.json") ?? "{}") as Partial<Manifest>;
  const targets = Object.values(exports).map((target) => (typeof target === "string" ? target : (target.default ?? "")));
  const starts = [...targets, ...Object.values(bin)]
    .map((target) => posix.normalize(target))
    .filter((file) => file.endsWith(".js"));
  const importsOf = (file: string): Imports => relativeImports(file, texts.get(file) ?? "");
  const atOnce = starts.map((start) => reach([start], (file) => importsOf(file).atOnce));
  const reached = reach(starts, (file) => [...importsOf(file).atOnce, ...importsOf(file).late]);
  const modules = [...texts.keys()].filter((file) => /^dist\/.+\.js$/.test(file));
  return [
    ...reached.filter((file) => !texts.has(file)).map((file) => `${file} is named or imported, and not there`),
    ...modules.filter((file) => !reached.includes(file)).map((file) => `${file} is imported by nothing`),
    ...atOnce.flatMap(([start, ...others]) =>
      others.length < mostAtOnce ? [] : [`${start} loads ${others.length} other files at once, of ${mostAtOnce - 1} allowed`],
    ),
  ];
}

/** @returns the starts first */
function reach(starts: readonly string[], next: (file: string) => readonly string[]): readonly string[] {
  const found = new Set(starts);
  for (const file of found) for (const each of next(file)) found.add(each);
  return [...found];
}

interface Imports {
  readonly atOnce: readonly string[];
  readonly late: readonly string[];
}

function relativeImports(file: string, text: string): Imports {
  const found = (pattern: RegExp): readonly string[] =>
    [...text.matchAll(pattern)].map(([, path = ""]) => posix.join(posix.dirname(file), path));
  return {
    atOnce: found(/^(?:import|export) (?:[^'"]* from )?['"](\.[^'"]+)['"]/gm),
    late: found(/\bimport\(['"](\.[^'"]+)['"]\)/g),
  };
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
