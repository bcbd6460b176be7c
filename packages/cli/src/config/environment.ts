import { configError, keyPath } from "./problem.ts";

const VARIABLE = /\$(\$\{)|\$\{([^}]*)\}/g;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Puts the environment's values in the place of `${NAME}` in every text of a value; `$${` gives a plain `${`.
 *
 * @param file where the value stands, for errors
 * @param path its key path
 * @throws OmniError INVALID_ARGUMENT for a variable that is not set
 */
export function expand(value: unknown, env: NodeJS.ProcessEnv, file: string, path: readonly PropertyKey[]): unknown {
  if (typeof value === "string") return expandText(value, env, file, keyPath(path));
  if (Array.isArray(value)) return value.map((one, at) => expand(one, env, file, [...path, at]));
  // What code made is not text: its class is its own.
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expand(one, env, file, [...path, key])]));
}

function expandText(text: string, env: NodeJS.ProcessEnv, file: string, key: string): string {
  return text.replace(VARIABLE, (_, escaped: string | undefined, name: string) => {
    if (escaped) return "${";
    if (!VARIABLE_NAME.test(name))
      throw configError(file, key, `\${${name}} names no variable; write \${NAME}, or $\${ for the characters themselves`);
    const value = env[name];
    if (value === undefined)
      throw configError(file, key, `the environment variable ${name} is not set; set it, or write the value here`);
    return value;
  });
}

/** A name that the environment gives a URL: `OMNI_BACKUP_URL`. */
export interface EnvironmentName {
  readonly variable: string;
  readonly url: string;
}

/**
 * The names that `OMNI_<NAME>_URL` define, over those of the configuration: `OMNI_USER_UPLOADS_URL` is the configured `userUploads` or `user_uploads`,
 * else the new name `user-uploads`. Empty variables are absent.
 *
 * @param configured the names of the configuration
 */
export function namesOfEnvironment(env: NodeJS.ProcessEnv, configured: readonly string[]): ReadonlyMap<string, EnvironmentName> {
  const names = new Map<string, EnvironmentName>();
  for (const [variable, url] of Object.entries(env)) {
    const key = /^OMNI_([A-Z][A-Z0-9_]*)_URL$/.exec(variable)?.[1];
    // OMNI_S3_ENDPOINT_URL and the like are options of those backends.
    if (key === undefined || /^(S3|GCS|GS)_/.test(key) || !url) continue;
    names.set(configured.find((name) => plain(name) === plain(key)) ?? key.toLowerCase().replaceAll("_", "-"), { variable, url });
  }
  return names;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}
