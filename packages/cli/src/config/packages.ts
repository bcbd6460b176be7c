import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type AnyBackendDefinition, backends, importPackage, OmniError } from "@omni/core";
import { configError } from "./problem.ts";

/** The package of each scheme of this project that is not part of the command, and what it exports. */
const BACKENDS: Readonly<Record<string, readonly [name: string, definition: string]>> = {
  s3: ["@omni/s3", "s3"],
  gs: ["@omni/gcs", "gcs"],
  gcs: ["@omni/gcs", "gcs"],
  channel: ["@omni/channel", "channel"],
  sftp: ["@omni/sftp", "sftp"],
};

type Module = Readonly<Record<string, unknown>>;

/** Packages that are loaded when something of them is first used. */
export class Packages {
  readonly #directory: string;
  readonly #file: string;
  readonly #loaded = new Map<string, Promise<Module>>();
  #used: Promise<readonly AnyBackendDefinition[]> | undefined;

  /** @param file the configuration, as errors call it @param directory what it is relative to */
  constructor(file: string, directory: string) {
    this.#file = file;
    this.#directory = directory;
  }

  /**
   * Loads a package of this project: as the command finds it, as the configuration's directory does, or the current one.
   *
   * @throws OmniError NOT_INSTALLED that says what to install
   */
  load(name: string): Promise<Module> {
    const loading = this.#loaded.get(name) ?? this.#import(name);
    this.#loaded.set(name, loading);
    return loading;
  }

  /** What a package exports that makes a backend of an environment: `s3FromEnv`. */
  async backendOf(scheme: string): Promise<{ readonly module: Module; readonly definition: string } | undefined> {
    const known = BACKENDS[scheme];
    return known && { module: await this.load(known[0]), definition: known[1] };
  }

  /**
   * The definitions of other people's backends that the configuration names.
   *
   * @throws OmniError INVALID_ARGUMENT, NOT_INSTALLED
   */
  used(use: readonly (string | AnyBackendDefinition)[] = []): Promise<readonly AnyBackendDefinition[]> {
    this.#used ??= Promise.all(use.map((one, at) => (typeof one === "string" ? this.#definitionsOf(one, at) : [one]))).then((all) =>
      all.flat(),
    );
    return this.#used;
  }

  async #import(name: string): Promise<Module> {
    const module = (await importOwn(name)) ?? (await this.#importNear(name)) ?? (await importPackage(name));
    if (module) return module;
    throw new OmniError("NOT_INSTALLED", {
      reason: `the package ${name} is not installed: npm install ${name} beside @omni/cli (npm install --global ${name} where omni is installed globally)`,
    });
  }

  async #importNear(name: string): Promise<Module | undefined> {
    const file = resolveFrom(this.#directory, name);
    return file === undefined ? undefined : ((await import(pathToFileURL(file).href)) as Module);
  }

  #resolve(name: string, key: string): string | undefined {
    try {
      return resolveFrom(this.#directory, name);
    } catch (error) {
      const reason = `${name} cannot be found from JSON: ${error instanceof Error ? error.message : String(error)}; import it in an omni.config.ts and put its definition here`;
      throw configError(this.#file, key, reason, error);
    }
  }

  /** A module may export definitions, or call `register` itself. */
  async #definitionsOf(name: string, at: number): Promise<readonly AnyBackendDefinition[]> {
    const key = `use[${at}]`;
    const file = this.#resolve(name, key);
    if (file === undefined)
      throw configError(
        this.#file,
        key,
        `there is no module ${JSON.stringify(name)}; npm install it in ${this.#directory}, or write the path of a file beginning with ./`,
      );
    const before = backends();
    let module: Module;
    try {
      module = (await import(pathToFileURL(file).href)) as Module;
    } catch (error) {
      throw configError(
        this.#file,
        key,
        `${name} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    }
    const definitions = Object.values(module).filter(isDefinition);
    if (definitions.length > 0 || backends().length > before.length) return definitions;
    throw configError(
      this.#file,
      key,
      `${name} exports no backend and registers none; it has to export what defineBackend of @omni/core gives`,
    );
  }
}

async function importOwn(name: string): Promise<Module | undefined> {
  try {
    return (await import(name)) as Module;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code === "ERR_MODULE_NOT_FOUND" && String(message).includes(`'${name}'`)) return undefined;
    throw error;
  }
}

function resolveFrom(directory: string, name: string): string | undefined {
  try {
    return createRequire(join(directory, "package.json")).resolve(name);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code === "MODULE_NOT_FOUND" && String(message).includes(`'${name}'`)) return undefined;
    throw error;
  }
}

/** Whether an export is a backend's definition, of whichever copy of core. */
function isDefinition(value: unknown): value is AnyBackendDefinition {
  return typeof value === "function" && Symbol.for("@omni/core/definition@1") in value;
}
