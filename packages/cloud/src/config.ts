import { type AnyBackendDefinition, type Backend, backends, isRegistered } from "@omni/core";
import { checkNames, invalid } from "./errors.ts";
import type { CloudConfig, CloudDefinition, CloudSource, CloudsConfig } from "./options.ts";

/** Everything that is configured: the code's words, JSON over it, the environment over both. */
export interface Configuration {
  readonly clouds: ReadonlyMap<string, CloudDefinition>;
  readonly default?: string | undefined;
  readonly secret?: string | undefined;
}

/** Where the configuration comes from. */
export interface ConfigurationSources {
  readonly config?: CloudsConfig | string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly envPrefix: string;
  readonly use: readonly AnyBackendDefinition[];
}

const DEFINITION = ["backend", "options", "members", "combine", "prefix", "region", "residency", "baseUrl", "timeoutMs"] as const;
const CONFIG = ["url", "options", "prefix", "region", "residency", "baseUrl", "timeoutMs"] as const;
/** What an environment says of the cloud itself; everything else is an option of its backend. */
const OWN: Readonly<Record<string, "baseUrl" | "residency">> = { BASE_URL: "baseUrl", RESIDENCY: "residency" };

/**
 * Puts the configuration together.
 *
 * @throws OmniError INVALID_ARGUMENT for an unknown cloud or option, a cloud without a backend, and what is no URL
 */
export function configure(given: Readonly<Record<string, CloudSource>>, sources: ConfigurationSources): Configuration {
  const config = parseConfig(sources.config);
  const env = readEnv(sources, Object.keys(given));
  for (const name of Object.keys(config.clouds ?? {}))
    if (!Object.hasOwn(given, name))
      throw invalid(
        "defineClouds",
        `the configuration has a cloud "${name}" that the code does not. Known: ${Object.keys(given).join(", ")}`,
      );
  const clouds = new Map<string, CloudDefinition>();
  for (const [name, source] of Object.entries(given)) {
    const entry = config.clouds?.[name];
    const fromConfig = typeof entry === "string" ? { url: entry } : (entry ?? {});
    checkNames("defineClouds", `the configuration of "${name}"`, fromConfig, CONFIG);
    const definition = merged(
      name,
      merged(name, definitionOf(name, source), fromConfig, "the configuration"),
      env.clouds.get(name) ?? {},
      "the environment",
    );
    checkDefinition(name, definition, sources);
    clouds.set(name, definition);
  }
  return { clouds, default: env.default ?? config.default, secret: env.secret ?? config.secret };
}

/** Whether something is a backend and not the definition of a cloud. */
export function isBackend(value: unknown): value is Backend {
  return typeof value === "object" && value !== null && "driver" in value && "read" in value && typeof value.read === "function";
}

/** The definition that a source stands for. @throws OmniError INVALID_ARGUMENT */
export function definitionOf(name: string, source: CloudSource): CloudDefinition {
  if (typeof source === "string" || typeof source === "function" || isBackend(source)) return { backend: source };
  if (typeof source !== "object" || source === null)
    throw invalid(
      "defineClouds",
      `"${name}" is a backend, a URL, a function or { backend, … }, not ${source === null ? "null" : typeof source}`,
    );
  checkNames("defineClouds", `"${name}"`, source, DEFINITION);
  return source;
}

function parseConfig(config: CloudsConfig | string | undefined): CloudsConfig {
  let parsed: CloudsConfig | undefined;
  try {
    parsed = typeof config === "string" ? (JSON.parse(config) as CloudsConfig) : config;
  } catch (error) {
    throw invalid("defineClouds", `the configuration is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (parsed === undefined) return {};
  if (typeof parsed !== "object" || parsed === null) throw invalid("defineClouds", "the configuration is an object with clouds");
  checkNames("defineClouds", "the configuration", parsed, ["clouds", "default", "secret"]);
  return parsed;
}

interface EnvConfiguration {
  readonly clouds: ReadonlyMap<string, CloudConfig>;
  readonly default?: string | undefined;
  readonly secret?: string | undefined;
}

function readEnv({ env, envPrefix }: ConfigurationSources, names: readonly string[]): EnvConfiguration {
  // The longest first: USER_UPLOADS_URL is of userUploads and not of user.
  const byLength = names.map((name) => ({ name, key: `${envName(name)}_` })).sort((a, b) => b.key.length - a.key.length);
  const clouds = new Map<string, Record<string, unknown> & { options?: Record<string, string> }>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(envPrefix) || value === undefined || value === "") continue;
    const rest = variable.slice(envPrefix.length);
    if (rest === "DEFAULT" || rest === "SECRET") continue;
    const cloud = byLength.find(({ key }) => rest.startsWith(key));
    if (!cloud)
      throw invalid(
        "defineClouds",
        `the environment has ${variable}, but there is no such cloud. Known: ${names.map((name) => `${envPrefix}${envName(name)}_URL`).join(", ")}`,
      );
    const key = rest.slice(cloud.key.length);
    const entry = clouds.get(cloud.name) ?? {};
    const own = OWN[key];
    if (key === "URL") entry.url = value;
    else if (own) entry[own] = own === "residency" ? value.split(",").map((place) => place.trim()) : value;
    else entry.options = { ...entry.options, [key.toLowerCase()]: value };
    clouds.set(cloud.name, entry);
  }
  return { clouds, default: env[`${envPrefix}DEFAULT`] || undefined, secret: env[`${envPrefix}SECRET`] || undefined };
}

/** `userUploads` is `USER_UPLOADS`. */
export function envName(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase();
}

function merged(name: string, definition: CloudDefinition, { url, options, ...own }: CloudConfig, where: string): CloudDefinition {
  const kept = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  if (url !== undefined) {
    const { members: _members, combine: _combine, ...rest } = definition;
    return { ...rest, ...kept, backend: url, options };
  }
  if (options === undefined) return { ...definition, ...kept };
  if (typeof definition.backend !== "string")
    throw invalid(
      "defineClouds",
      `${where} has options of "${name}" (${Object.keys(options).join(", ")}), whose backend is made in code; give its URL there too`,
    );
  return { ...definition, ...kept, options: { ...definition.options, ...options } };
}

/**
 * Checks the definition of a cloud.
 *
 * @param envPrefix what a missing backend may be configured by
 * @throws OmniError INVALID_ARGUMENT
 */
export function checkDefinition(
  name: string,
  definition: CloudDefinition,
  { use, envPrefix }: { readonly use: readonly AnyBackendDefinition[]; readonly envPrefix?: string | undefined },
): void {
  const { backend, members, combine, options, prefix, baseUrl, timeoutMs } = definition;
  const fail = (reason: string): Error => invalid("defineClouds", `"${name}": ${reason}`);
  if (members !== undefined || combine !== undefined) {
    if (backend !== undefined) throw fail("a group has members and combine, and no backend");
    if (!members || members.length < 2 || typeof combine !== "function")
      throw fail("a group needs two or more members, and combine");
  } else if (backend === undefined)
    throw fail(
      envPrefix === undefined
        ? "it has no backend; give one"
        : `it has no backend; set ${envPrefix}${envName(name)}_URL, or give one in the configuration or the code`,
    );
  if (typeof backend === "string") checkUrl(backend, use, fail);
  else if (backend !== undefined && typeof backend !== "function" && !isBackend(backend))
    throw fail("backend is a backend, a name or URL, or a function that makes one");
  if (options !== undefined && typeof backend !== "string") throw fail("options go with a backend that is a name or URL");
  if (prefix !== undefined && (typeof prefix !== "string" || prefix.split("/").some((part) => part === "." || part === "..")))
    throw fail('prefix is a folder, such as "uploads"');
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs > 0))
    throw fail("timeoutMs is a whole number above 0");
  if (baseUrl !== undefined && !(URL.canParse(baseUrl) && /^https?:/.test(baseUrl)))
    throw fail(`baseUrl is an http or https URL, not ${JSON.stringify(baseUrl)}`);
}

// The text itself is left out of errors: URLs may hold credentials.
function checkUrl(nameOrUrl: string, use: readonly AnyBackendDefinition[], fail: (reason: string) => Error): void {
  const scheme = (/^([a-z][a-z0-9+.-]*):/i.exec(nameOrUrl)?.[1] ?? nameOrUrl).toLowerCase();
  if (nameOrUrl.includes(":") && !URL.canParse(nameOrUrl))
    throw fail("its URL cannot be read; write scheme://host/path?option=value");
  if (isRegistered(scheme) || use.some((definition) => definition.scheme === scheme)) return;
  const known = [...new Set([...use.map((definition) => definition.scheme), ...backends()])].sort();
  throw fail(`there is no backend ${JSON.stringify(scheme.slice(0, 40))}. Known: ${known.join(", ")}`);
}
