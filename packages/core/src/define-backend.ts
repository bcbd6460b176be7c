import type { Backend } from "./backend.ts";
import type { Clock } from "./clock.ts";
import { createBackend } from "./create-backend.ts";
import type { StorageDriver } from "./driver.ts";
import { OmniError, wrapError } from "./error.ts";
import { checkOptionTable, type OptionSpec, type OptionTable, readOptionTable } from "./option-table.ts";

/** Text configuration, as from a URL's query or the environment. */
export type TextConfig = Readonly<Record<string, string | undefined>>;

/** Makes a backend from text configuration. */
export type TextFactory = (config: TextConfig) => Backend | Promise<Backend>;

const DEFINITION: unique symbol = Symbol.for("@omni/core/definition@1");

/** A kind of backend: call it with options, or let `open` find it by its scheme. */
export interface BackendDefinition<O = TextConfig, B extends Backend = Backend> {
  (options?: O): B;
  readonly scheme: string;
  /** Every option, as code and documentation check it; empty for a plain factory. */
  readonly options: OptionTable<O>;
  /** The text configuration that a URL of this scheme stands for. */
  readonly fromUrl: (url: URL) => TextConfig;
  /** Makes a backend from text. */
  readonly fromText: (config: TextConfig) => B | Promise<B>;
}

/** A definition of whatever options: what `open` and `register` take. */
export interface AnyBackendDefinition {
  (options?: never): Backend;
  readonly scheme: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** The configuration in a URL, its query left out. */
  readonly fromUrl: (url: URL) => TextConfig;
  /** Makes a backend of a configuration in text. */
  readonly fromText: (config: TextConfig) => Backend | Promise<Backend>;
}

/** How a kind of backend is made from a driver. */
export interface BackendRecipe<O, B extends Backend, D extends StorageDriver = StorageDriver> {
  /** Every option: type, aliases, allowed values. Misspelt and mistyped ones are refused with it. */
  readonly options: OptionTable<O>;
  /** The configuration in a URL, its query left out. @default none */
  readonly fromUrl?: ((url: URL) => TextConfig) | undefined;
  /** Makes the driver; connects at first use, not here. */
  readonly driver: (options: O) => D;
  /** Adds what only this kind of store has, with `extend`. */
  readonly extend?: ((backend: Backend<D>, options: O) => B) | undefined;
}

/**
 * Defines a kind of backend.
 *
 * @param scheme lower-case name, also the scheme of its URLs
 * @param recipe how it is made from checked options; or a plain factory from text
 * @returns a factory, to call or to hand to `open(url, { use: [it] })` or `register`
 */
export function defineBackend<B extends Backend>(
  scheme: string,
  recipe: (config: TextConfig) => B,
): BackendDefinition<TextConfig, B>;
export function defineBackend<O extends object, B extends Backend = Backend, D extends StorageDriver = StorageDriver>(
  scheme: string,
  recipe: BackendRecipe<O, B, D>,
): BackendDefinition<O, B>;
export function defineBackend(scheme: string, recipe: unknown): unknown {
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme))
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `"${scheme}" is no scheme: it is lower-case letters, digits, "+", "." and "-"`,
    });
  const definition =
    typeof recipe === "function"
      ? plainDefinition(scheme, recipe as (config: TextConfig) => Backend)
      : checkedDefinition(scheme, recipe as CheckedRecipe);
  Object.defineProperty(definition, "name", { value: scheme });
  Object.defineProperty(definition, DEFINITION, { value: true });
  return definition;
}

/** Whether this is a definition, of this or another copy of core. */
export function isBackendDefinition(value: unknown): value is AnyBackendDefinition {
  return typeof value === "function" && DEFINITION in value;
}

function plainDefinition(scheme: string, factory: (config: TextConfig) => Backend): BackendDefinition {
  const make = (config: TextConfig = {}): Backend => factory(config);
  return Object.assign(make, { scheme, options: {}, fromUrl: configOfPlainUrl, fromText: make }) as unknown as BackendDefinition;
}

type CheckedRecipe = BackendRecipe<Readonly<Record<string, unknown>>, Backend>;

function checkedDefinition(scheme: string, recipe: CheckedRecipe): BackendDefinition {
  const make = (options: Readonly<Record<string, unknown>> = {}): Backend => {
    try {
      checkOptionTable(scheme, recipe.options, options);
      const backend = createBackend(recipe.driver(options), { clock: options.clock as Clock | undefined });
      return recipe.extend ? recipe.extend(backend, options) : backend;
    } catch (error) {
      throw wrapError(error, { backend: scheme, operation: "open" });
    }
  };
  const fromText = (config: TextConfig): Backend => {
    let options: Readonly<Record<string, unknown>>;
    try {
      options = readOptionTable(scheme, recipe.options, config);
    } catch (error) {
      throw wrapError(error, { backend: scheme, operation: "open" });
    }
    return make(options);
  };
  return Object.assign(make, {
    scheme,
    options: recipe.options,
    fromUrl: recipe.fromUrl ?? (() => ({})),
    fromText,
  }) as unknown as BackendDefinition;
}

/** What a plain factory gets of a URL: its host and path. */
function configOfPlainUrl(url: URL): TextConfig {
  const path = decodeURIComponent(url.pathname.replace(/^\//, ""));
  return { ...(url.host ? { host: url.host } : {}), ...(path ? { path } : {}) };
}
