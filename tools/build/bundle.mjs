// Makes the JavaScript of a published package: a file for each entry point of its manifest, and beside them what several of them share. A package's build
// runs it after `tsc -b`, which writes the declarations: `node tools/build/bundle.mjs [folder ...]`, in place of the current one.
// Plain JavaScript: it runs on every Node that builds, without flags.
import { existsSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { rollup } from "rollup";
import ts from "typescript";
import { sharedModules } from "./chunks.mjs";

/**
 * What is read of a package's manifest.
 * @typedef {{
 *   exports: Record<string, string | { default?: string }>, bin?: Record<string, string>,
 *   dependencies?: Record<string, string>, peerDependencies?: Record<string, string>,
 * }} Manifest
 */

/**
 * Bundles one package into its `dist`, and removes from there what has no source any more.
 *
 * @param {string} folder the package's
 * @returns {Promise<readonly string[]>} the JavaScript files, within `dist`
 * @throws Error for an entry point without a source, an import of a package that the manifest does not name, and whatever the bundler warns of
 */
export async function bundlePackage(folder) {
  const manifest = /** @type {Manifest} */ (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  const entries = entryPoints(manifest, folder);
  const bundle = await rollup({
    input: Object.fromEntries(entries.map(({ name, id }) => [name, id])),
    // As the sources are written, statement by statement: what looks as if it did nothing may be meant.
    treeshake: false,
    external: (id) => !isOwn(id, folder),
    plugins: [typescript(folder)],
    onLog(_level, { message }) {
      throw new Error(`${folder}: ${message}`);
    },
  });
  const { output } = await bundle.write({
    dir: join(folder, "dist"),
    format: "es",
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    manualChunks: chunker(entries, folder),
    minifyInternalExports: false,
    hoistTransitiveImports: false,
    externalLiveBindings: false,
    sourcemap: true,
    // `src`, to which the maps lead, is published, too.
    sourcemapExcludeSources: true,
  });
  await bundle.close();
  const files = new Set(output.map(({ fileName }) => fileName));
  checkImports(
    manifest,
    folder,
    output
      .flatMap((file) => (file.type === "chunk" ? [...file.imports, ...file.dynamicImports] : []))
      .filter((id) => !files.has(id)),
  );
  removeStale(folder, files);
  return [...files].filter((file) => file.endsWith(".js")).sort();
}

/**
 * The sources of what the manifest names: programs first, whose start loads as little as they import.
 * @param {Manifest} manifest
 * @param {string} folder
 */
function entryPoints({ bin = {}, exports }, folder) {
  const targets = [
    ...Object.values(bin),
    ...Object.values(exports).flatMap((target) => (typeof target === "string" ? [] : [target.default])),
  ];
  return targets.map((target) => {
    const name = /^\.\/dist\/(.+)\.js$/.exec(target ?? "")?.[1];
    const id = join(folder, "src", `${name}.ts`);
    if (name === undefined || !existsSync(id)) throw new Error(`${folder}: no source for ${target}, which its package.json names`);
    return { name, id };
  });
}

/**
 * Relative imports, and what they lead to.
 * @param {string} id
 * @param {string} folder
 */
function isOwn(id, folder) {
  return id.startsWith(".") || id.startsWith(join(folder, "src") + sep);
}

/**
 * Types and comments are taken off by the compiler that checked them: comments are for readers, who have `src` and the declarations.
 * @param {string} folder
 * @returns {import("rollup").Plugin}
 */
function typescript(folder) {
  const configFile = join(folder, "tsconfig.json");
  const { config } = ts.readConfigFile(configFile, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, folder, undefined, configFile);
  if (options.target === undefined) throw new Error(`${configFile}: no target`);
  const compilerOptions = {
    target: options.target,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    removeComments: true,
    sourceMap: true,
  };
  return {
    name: "typescript",
    transform(code, id) {
      const { outputText, sourceMapText } = ts.transpileModule(code, { fileName: id, compilerOptions });
      return { code: outputText.replace(/^\/\/# sourceMappingURL=.*$/m, ""), map: sourceMapText };
    },
  };
}

/**
 * @param {readonly { readonly name: string, readonly id: string }[]} entries
 * @param {string} folder
 * @returns {import("rollup").GetManualChunk}
 */
function chunker(entries, folder) {
  /** @type {ReadonlyMap<string, string> | undefined} */
  let names;
  return (id, { getModuleInfo }) => {
    names ??= sharedModules(entries, (each) => {
      const info = isOwn(each, folder) ? getModuleInfo(each) : null;
      return info ? { imports: info.importedIds, dynamicImports: info.dynamicallyImportedIds } : undefined;
    });
    return names.get(id);
  };
}

/**
 * @param {Manifest} manifest
 * @param {string} folder
 * @param {readonly string[]} imported
 */
function checkImports({ dependencies, peerDependencies }, folder, imported) {
  const named = { ...dependencies, ...peerDependencies };
  const missing = [...new Set(imported)].filter((id) => !isBuiltin(id) && !((/^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? id) in named));
  if (missing.length > 0) throw new Error(`${folder}: imports ${missing.join(", ")}, and its package.json does not say so`);
}

/**
 * @param {string} folder
 * @param {ReadonlySet<string>} made within `dist`
 */
function removeStale(folder, made) {
  const dist = join(folder, "dist");
  // What is in a folder comes after it.
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true }).toReversed()) {
    const path = join(entry.parentPath, entry.name);
    const file = relative(dist, path).replaceAll(sep, "/");
    const source = /^(.+)\.d\.ts(?:\.map)?$/.exec(file)?.[1];
    if (entry.isDirectory()) {
      if (readdirSync(path).length === 0) rmdirSync(path);
    } else if (source === undefined ? !made.has(file) : !existsSync(join(folder, "src", `${source}.ts`))) rmSync(path);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const folders = process.argv.slice(2);
  for (const folder of folders.length === 0 ? ["."] : folders) await bundlePackage(resolve(folder));
}
