import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Backend, isRegistered, type OpenConfig, open } from "@omni/core";
import { file } from "@omni/file";
import { type Address, DIRECTORY_SCHEMES, parseAddress } from "./address.ts";
import { type BackendEntry, isBackend, type OmniConfig } from "./entry.ts";
import { expand } from "./environment.ts";
import type { Packages } from "./packages.ts";
import { configError, locate } from "./problem.ts";

/** Where a description of a backend stands: for errors, and for what is relative to it. */
export interface Place {
  /** The configuration file, or the variable. */
  readonly file: string;
  /** Key path within the file. */
  readonly path: readonly PropertyKey[];
  /** What relative paths are relative to. */
  readonly directory: string;
}

/** A backend and what to call it. */
export interface OpenedStore {
  readonly backend: Backend;
  /** Its URL without secrets, without a "/" at its end. A backend that code made has none. */
  readonly url?: string | undefined;
}

/** A backend that was named by a URL or a local path, and the path within it. */
interface TypedStore {
  readonly backend: Backend;
  readonly path: string;
  readonly url: string;
}

/** Opens backends from what configurations and command lines say. */
export class Stores {
  readonly #env: NodeJS.ProcessEnv;
  readonly #packages: Packages;
  readonly #use: OmniConfig["use"];
  // What is typed twice is opened once: copies within one store stay there.
  readonly #typed = new Map<string, Promise<Backend>>();
  readonly #opened = new Set<Backend>();

  constructor(env: NodeJS.ProcessEnv, packages: Packages, use: OmniConfig["use"]) {
    this.#env = env;
    this.#packages = packages;
    this.#use = use;
  }

  /** Opens what a command line names by a URL; what it does not say comes from the environment. */
  async typed(address: Extract<Address, { kind: "url" }>): Promise<TypedStore> {
    const { scheme, host, query } = address;
    if (DIRECTORY_SCHEMES.has(scheme)) return this.#directory(address);
    const path = scheme === "memory" && host !== "" ? [host, address.path].filter((part) => part !== "").join("/") : address.path;
    const key = `${scheme}://${scheme === "memory" ? "" : host}?${query}`;
    const backend = await this.#once(key, () => this.#openTyped(scheme, host, Object.fromEntries(query)));
    return { backend, path, url: `${scheme}://${scheme === "memory" ? "" : host.replace(/^.*@/, "")}` };
  }

  /** Opens a local directory, or the directory of a local file. */
  async local({ file: place, isFolder }: Extract<Address, { kind: "local" }>, asFolder: boolean): Promise<TypedStore> {
    const isRoot = asFolder || isFolder || dirname(place) === place || isDirectory(place);
    const root = isRoot ? resolve(place) : dirname(place);
    const backend = await this.#once(`file:${root}`, async () => file({ root }));
    return { backend, path: isRoot ? "" : basename(place), url: pathToFileURL(root).href.replace(/\/$/, "") };
  }

  /** Opens what a configuration describes. */
  async described(entry: BackendEntry, place: Place): Promise<OpenedStore> {
    const key = place.path.length === 0 ? "" : place.path.map(String).join(".");
    try {
      const made = typeof entry === "function" ? await entry() : entry;
      if (isBackend(made)) return this.#kept(made);
      if (typeof entry === "function") throw configError(place.file, key, "the function has to give a backend");
      const settings = expand(made, this.#env, place.file, place.path) as string | { readonly url: string };
      const { url, ...options } = typeof settings === "string" ? { url: settings } : settings;
      return await this.#openDescribed(url, options, place);
    } catch (error) {
      throw locate(error, place.file, key);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#typed.values());
    const closing = await Promise.allSettled([...this.#opened].map((backend) => backend.close()));
    const failed = closing.find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** Opens the directory of a URL that ends in "/", or the directory of the object that it names. */
  async #directory({ scheme, host, path: place, query }: Extract<Address, { kind: "url" }>): Promise<TypedStore> {
    const end = place.lastIndexOf("/") + 1;
    const root = `/${place.slice(0, end).replace(/\/$/, "")}`;
    const backend = await this.#once(`${scheme}://${host}${root}?${query}`, () =>
      this.#openTyped(scheme, host, Object.fromEntries(query), { root }),
    );
    return { backend, path: place.slice(end), url: `${scheme}://${host.replace(/^.*@/, "")}${root}`.replace(/\/$/, "") };
  }

  async #openDescribed(url: string, options: Readonly<Record<string, unknown>>, { directory }: Place): Promise<OpenedStore> {
    const address = parseAddress(url, directory);
    if (address.kind === "local" && (isRegistered(url) || (await this.#isUsed(url))))
      return this.#openUrl(url, relative(options, directory), url);
    if (address.kind === "url")
      return this.#openUrl(url, options, `${address.scheme}://${address.host.replace(/^.*@/, "")}/${address.path}`, address.scheme);
    if (address.kind === "name") return this.#openUrl(url, options, `${address.name}:`, address.name.toLowerCase());
    const query = Object.fromEntries(new URLSearchParams(/^file:/i.test(url) ? (url.split("?")[1] ?? "") : ""));
    return this.#kept(await file.fromText({ ...query, ...texts(options), root: address.file }), pathToFileURL(address.file).href);
  }

  async #openUrl(url: string, options: Readonly<Record<string, unknown>>, name: string, scheme = url): Promise<OpenedStore> {
    await this.#packages.backendOf(scheme);
    const use = [...(await this.#packages.used(this.#use)), ...(await this.#ownDefinition(scheme))];
    return this.#kept(await open(url, { ...texts(options), use } as OpenConfig), name);
  }

  async #openTyped(
    scheme: string,
    host: string,
    query: Readonly<Record<string, string>>,
    options: { readonly root?: string } = {},
  ): Promise<Backend> {
    const known = await this.#packages.backendOf(scheme);
    const fromEnv = known?.module[`${known.definition}FromEnv`];
    if (known && typeof fromEnv === "function")
      return (fromEnv as FromEnv)(environmentOf(known.definition, decodeURIComponent(host), query, this.#env));
    const use = [...(await this.#packages.used(this.#use)), ...(await this.#ownDefinition(scheme))];
    return open(`${scheme}://${host}${Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : ""}`, { ...options, use });
  }

  async #ownDefinition(scheme: string): Promise<readonly []> {
    const known = await this.#packages.backendOf(scheme);
    const definition = known?.module[known.definition];
    return definition === undefined ? [] : ([definition] as unknown as readonly []);
  }

  async #isUsed(name: string): Promise<boolean> {
    return (await this.#packages.used(this.#use)).some(({ scheme }) => scheme === name);
  }

  #once(key: string, make: () => Promise<Backend>): Promise<Backend> {
    const opening = this.#typed.get(key) ?? make().then((backend) => this.#kept(backend).backend);
    this.#typed.set(key, opening);
    return opening;
  }

  #kept(backend: Backend, url?: string): OpenedStore {
    this.#opened.add(backend);
    return { backend, url: url?.replace(/\/+$/, "") };
  }
}

type FromEnv = (env: Readonly<Record<string, string | undefined>>) => Backend;

/** The environment of `s3FromEnv` and its like, with a URL's bucket and options over what it says. */
function environmentOf(
  definition: string,
  bucket: string,
  query: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
): Readonly<Record<string, string | undefined>> {
  const prefix = `OMNI_${definition.toUpperCase()}_`;
  const given = Object.entries(query).map(
    ([name, value]) =>
      [
        `${prefix}${name
          .replace(/[A-Z]/g, (letter) => `_${letter}`)
          .replaceAll("-", "_")
          .toUpperCase()}`,
        value,
      ] as const,
  );
  const plain = (name: string): string => name.replaceAll("_", "");
  const isOver = new Set([
    ...given.map(([name]) => plain(name)),
    plain(`${prefix}BUCKET`),
    plain(`${prefix}PREFIX`),
    plain(`${prefix}URL`),
  ]);
  const rest = Object.entries(env).filter(([name]) => !isOver.has(plain(name)));
  return { ...Object.fromEntries(rest), ...Object.fromEntries(given), [`${prefix}BUCKET`]: bucket };
}

/** Options as text configuration takes them: what is no text, number or boolean stays what it is. */
function texts(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(options).map(([name, value]) => [
    name,
    typeof value === "number" || typeof value === "boolean" ? String(value) : value,
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** `{ url: "file", root: "./data" }` is relative to the configuration. */
function relative(options: Readonly<Record<string, unknown>>, directory: string): Readonly<Record<string, unknown>> {
  return typeof options.root === "string" ? { ...options, root: resolve(directory, options.root) } : options;
}

function isDirectory(place: string): boolean {
  return existsSync(place) && statSync(place).isDirectory();
}
