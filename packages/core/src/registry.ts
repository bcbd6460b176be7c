import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { Backend } from "./backend.ts";
import { invalidArgument, nearest } from "./call-options.ts";
import { type AnyBackendDefinition, isBackendDefinition, type TextConfig, type TextFactory } from "./define-backend.ts";
import { OmniError, wrapError } from "./error.ts";

/** The packages of this project that hold a backend, by scheme. They are loaded when first opened. */
const FIRST_PARTY: Readonly<Record<string, { readonly package: string; readonly name: string }>> = {
  memory: { package: "@omni/memory", name: "memory" },
  file: { package: "@omni/file", name: "file" },
  s3: { package: "@omni/s3", name: "s3" },
  gs: { package: "@omni/gcs", name: "gcs" },
  gcs: { package: "@omni/gcs", name: "gcs" },
  channel: { package: "@omni/channel", name: "channel" },
  sftp: { package: "@omni/sftp", name: "sftp" },
};

type Entry = AnyBackendDefinition | TextFactory;

// Two copies of core in one program share what was registered.
const KEY = Symbol.for("@omni/core/registry@1");
const shared = globalThis as { [KEY]?: Map<string, Entry> };
shared[KEY] ??= new Map();
const registry: Map<string, Entry> = shared[KEY];

/** What `open` takes beside the backend's own configuration. */
export interface OpenOptions {
  /** Definitions to look in before the registry: other people's backends. */
  readonly use?: readonly AnyBackendDefinition[] | undefined;
}

/**
 * Makes a kind of backend known to `open`.
 *
 * @param scheme its name and the scheme of its URLs
 * @param factory from text, or a definition
 * @throws OmniError ALREADY_EXISTS when another factory has the scheme
 */
export function register(scheme: string, factory: TextFactory | AnyBackendDefinition): void {
  if (typeof factory !== "function") throw invalidArgument(`register("${scheme}") takes a factory or a definition`);
  const present = registry.get(scheme);
  if (present && present !== factory)
    throw new OmniError("ALREADY_EXISTS", {
      operation: "register",
      reason: `another backend is registered as "${scheme}"; unregister("${scheme}") first`,
    });
  registry.set(scheme, factory);
}

/** Forgets a registered kind of backend; says whether it was known. */
export function unregister(scheme: string): boolean {
  return registry.delete(scheme);
}

/** Whether `open` knows a scheme without `use`: registered, or a package of this project (which may not be installed). */
export function isRegistered(scheme: string): boolean {
  return registry.has(scheme) || scheme in FIRST_PARTY;
}

/** The schemes that `open` knows without `use`, sorted. */
export function backends(): readonly string[] {
  return [...new Set([...registry.keys(), ...Object.keys(FIRST_PARTY)])].sort();
}

/** Text configuration, and whose backends to look for. */
export type OpenConfig = OpenOptions & Readonly<Record<string, string | undefined | OpenOptions["use"]>>;

/**
 * Opens a backend by name or URL.
 *
 * @param nameOrUrl `"memory"`, `"s3://bucket/prefix?region=eu-west-1"`
 * @param config text configuration, which wins over the URL's; `use` for other people's backends
 * @throws OmniError UNKNOWN_BACKEND, NOT_INSTALLED, INVALID_ARGUMENT
 */
export async function open(nameOrUrl: string, config: OpenConfig = {}): Promise<Backend> {
  if (typeof nameOrUrl !== "string" || nameOrUrl === "")
    throw invalidArgument('open() takes a name or URL, such as "memory" or "file:///data"');
  const { use = [], ...given } = config as { use?: OpenOptions["use"] } & TextConfig;
  const { scheme, url } = parse(nameOrUrl);
  const entry = await find(scheme, use);
  const fromUrl = url ? { ...(isBackendDefinition(entry) ? entry.fromUrl(url) : plainUrl(url)), ...query(url) } : {};
  const all = { ...fromUrl, ...given };
  try {
    return await (isBackendDefinition(entry) ? entry.fromText(all) : (entry as TextFactory)(all));
  } catch (error) {
    throw wrapError(error, { backend: scheme, operation: "open" });
  }
}

function parse(nameOrUrl: string): { scheme: string; url?: URL } {
  const match = /^([a-z][a-z0-9+.-]*):/i.exec(nameOrUrl);
  if (!match) return { scheme: nameOrUrl };
  try {
    return { scheme: (match[1] as string).toLowerCase(), url: new URL(nameOrUrl) };
  } catch (cause) {
    throw new OmniError("INVALID_ARGUMENT", {
      operation: "open",
      reason: `${JSON.stringify(match[0])}… is no URL; write scheme://host/path?option=value`,
      cause,
    });
  }
}

function query(url: URL): TextConfig {
  return Object.fromEntries(url.searchParams);
}

function plainUrl(url: URL): TextConfig {
  return { host: url.host, path: decodeURIComponent(url.pathname) };
}

async function find(scheme: string, use: readonly AnyBackendDefinition[]): Promise<Entry> {
  const found = use.find((definition) => definition.scheme === scheme) ?? registry.get(scheme);
  if (found) return found;
  const known = FIRST_PARTY[scheme];
  if (known) return load(scheme, known);
  const names = [...new Set([...use.map((definition) => definition.scheme), ...backends()])].sort();
  const meant = nearest(scheme, names);
  throw new OmniError("UNKNOWN_BACKEND", {
    operation: "open",
    reason: `unknown backend "${scheme}"${meant ? `; did you mean "${meant}"?` : "."} Known: ${names.join(", ")}. For another package: open(url, { use: [its definition] }), or register("${scheme}", factory)`,
  });
}

async function load(scheme: string, known: { readonly package: string; readonly name: string }): Promise<Entry> {
  const module = await importPackage(known.package);
  const definition = module?.[known.name];
  if (isBackendDefinition(definition)) return definition;
  throw new OmniError("NOT_INSTALLED", {
    backend: scheme,
    operation: "open",
    reason: module
      ? `${known.package} has no backend "${known.name}"; install the version that fits @omni/core`
      : `the package is not installed: npm install @omni/core ${known.package}`,
  });
}

/**
 * Imports a package as core would, or, where a strict installation hides it from core, as the application at the current directory would.
 *
 * @returns `undefined` when the package is not installed
 */
export async function importPackage(name: string): Promise<Record<string, unknown> | undefined> {
  try {
    return (await import(name)) as Record<string, unknown>;
  } catch (error) {
    if (!isMissing(error, name)) throw error;
  }
  let file: string;
  try {
    file = createRequire(pathToFileURL(`${process.cwd()}/package.json`)).resolve(name);
  } catch (error) {
    if (isMissing(error, name)) return undefined;
    throw error;
  }
  return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
}

/** A package that is not there, and not one that is there and misses something itself. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && String(message).includes(`'${name}'`);
}
