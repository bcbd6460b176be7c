import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { basename, dirname, extname, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { OmniConfig } from "./entry.ts";
import { findConfig } from "./location.ts";
import { configError, describeIssues } from "./problem.ts";

/** A configuration that was read and checked. */
export interface LoadedConfig {
  readonly config: OmniConfig;
  /** The file, where there is one. */
  readonly path: string | undefined;
  /** The file as errors call it: relative to the current directory where it is below it; `""` when there is none. */
  readonly file: string;
  /** What its relative paths are relative to. */
  readonly directory: string;
}

/**
 * Reads and checks the configuration that is found.
 *
 * @param given `--config`
 * @throws OmniError INVALID_ARGUMENT
 */
export async function loadConfig(given: string | undefined, cwd: string): Promise<LoadedConfig> {
  const path = findConfig(given, cwd);
  if (path === undefined) return { config: {}, path, file: "", directory: cwd };
  const below = relative(cwd, path);
  const file = below.startsWith("..") ? path : below;
  const isJson = extname(path) === ".json";
  const value = isJson ? parseJson(file, await readFile(path, "utf8")) : await importConfig(path, file);
  // Most command lines need no configuration, and the schema is much to load.
  const { configSchema } = await import("./schema.ts");
  const checked = configSchema(!isJson).safeParse(value);
  if (!checked.success) throw describeIssues(file, value, checked.error.issues);
  return { config: checked.data, path, file, directory: dirname(path) };
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    // The parser's message quotes the text, which may hold secrets: only the place is taken from it.
    const [, position] = /at position (\d+)/.exec(error instanceof Error ? error.message : "") ?? [];
    throw configError(
      file,
      "",
      `it is no JSON${position === undefined ? "" : ` from ${placeOf(text, Number(position))} on`}; correct it (comments and commas before a closing bracket are not allowed)`,
    );
  }
}

/** `line 3, column 7`. */
function placeOf(text: string, position: number): string {
  const before = text.slice(0, position).split("\n");
  return `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
}

async function importConfig(path: string, file: string): Promise<unknown> {
  if (/\.m?ts$/.test(path) && !process.features.typescript) stripTypesHere();
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as typeof module;
  } catch (error) {
    throw configError(file, "", `it cannot be loaded: ${reasonOf(error, path)}`, error);
  }
  if (module.default !== undefined) return module.default;
  throw configError(file, "", "it has no default export; write export default defineConfig({ … })");
}

function reasonOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  const line = lineOf(error.stack ?? "", file);
  const name = error.name === "Error" ? "" : `${error.name}: `;
  return `${name}${error.message.split("\n", 1)[0]}${line === undefined ? "" : ` (${basename(file)}:${line})`}`;
}

/** The first line of the file that an error's stack names. */
function lineOf(stack: string, file: string): string | undefined {
  for (const place of [pathToFileURL(file).href, file]) {
    const at = stack.indexOf(`${place}:`);
    if (at >= 0) return /^\d+/.exec(stack.slice(at + place.length + 1))?.[0];
  }
  return undefined;
}

let isStripping = false;

/** Node 22 before 22.18 does not strip types by itself, but can when told. */
function stripTypesHere(): void {
  if (isStripping) return;
  isStripping = true;
  registerHooks({
    load: (url, context, next) => {
      if (!/^file:.*\.m?ts$/.test(url)) return next(url, context);
      const source = stripTypeScriptTypes(readFileSync(fileURLToPath(url), "utf8"));
      return { format: "module", source, shortCircuit: true };
    },
  });
}
