import { existsSync } from "node:fs";
import { type Backend, nearest, OmniError } from "@omni/core";
import type { QueueProvider } from "@omni/core/queue";
import type { Member, MultiBackend } from "@omni/multi";
import type { QueueTarget, StoreTarget, TargetKind, TargetName, TargetOptions, Targets } from "../targets.ts";
import { parseAddress, shown } from "./address.ts";
import type { BackendEntry, CompositeEntry, GroupEntry, MemberEntry, QueueMemberEntry } from "./entry.ts";
import { type EnvironmentName, expand, namesOfEnvironment } from "./environment.ts";
import { type LoadedConfig, loadConfig } from "./loading.ts";
import { Packages } from "./packages.ts";
import { configError, keyPath, locate } from "./problem.ts";
import { parseQueueUrl, Queues } from "./queues.ts";
import { type OpenedStore, type Place, Stores } from "./stores.ts";

/** Targets of a configuration. */
export interface ConfiguredTargets extends Targets {
  /** The configuration file, where there is one. */
  readonly configFile: string | undefined;
}

const SECTIONS = { backend: "backends", group: "groups", queue: "queues", composite: "composites" } as const;
const STORES: readonly TargetKind[] = ["backend", "group"];
const QUEUES: readonly TargetKind[] = ["queue", "composite"];

/**
 * Opens what the texts of a command line mean. Reads the configuration; connects to nothing.
 *
 * @throws OmniError INVALID_ARGUMENT that names file, key, value and remedy
 */
export async function openTargets(options: TargetOptions): Promise<ConfiguredTargets> {
  return new ConfigTargets(await loadConfig(options.configFile, options.cwd), options);
}

class ConfigTargets implements ConfiguredTargets {
  readonly configFile: string | undefined;
  readonly #loaded: LoadedConfig;
  readonly #env: NodeJS.ProcessEnv;
  readonly #cwd: string;
  /** The file as errors call it. */
  readonly #file: string;
  readonly #stores: Stores;
  readonly #queues: Queues;
  readonly #names = new Map<string, TargetName>();
  readonly #variables: ReadonlyMap<string, EnvironmentName>;
  readonly #backends = new Map<string, Promise<OpenedStore>>();
  readonly #groups = new Map<string, Promise<MultiBackend>>();
  readonly #providers = new Map<string, Promise<QueueProvider>>();

  constructor(loaded: LoadedConfig, { env, cwd }: TargetOptions) {
    this.#loaded = loaded;
    this.configFile = loaded.path;
    this.#env = env;
    this.#cwd = cwd;
    this.#file = loaded.file;
    const packages = new Packages(this.#file, loaded.directory);
    this.#stores = new Stores(env, packages, loaded.config.use);
    this.#queues = new Queues(env, packages);
    for (const kind of Object.keys(SECTIONS) as TargetKind[])
      for (const name of Object.keys(loaded.config[SECTIONS[kind]] ?? {})) this.#define(name, kind);
    this.#variables = namesOfEnvironment(env, [...this.#names.keys()]);
    for (const [name, { variable, url }] of this.#variables) this.#defineByVariable(name, variable, url);
  }

  names(): readonly TargetName[] {
    return [...this.#names.values()];
  }

  async store(text: string): Promise<StoreTarget> {
    const address = parseAddress(text, this.#cwd);
    if (address.kind === "name") return this.#named(address.name, address.path);
    if (address.kind === "local" && address.bare !== undefined && STORES.includes(this.#names.get(address.bare)?.kind ?? "queue")) {
      if (!existsSync(address.file)) return this.#named(address.bare, "");
      throw invalid(`"${text}" is a configured store and also a file here; write ${text}: for the store or ./${text} for the file`);
    }
    const { backend, path, url } =
      address.kind === "url" ? await this.#stores.typed(address) : await this.#stores.local(address, false);
    return { backend, path, url: path === "" ? url : `${url}/${path}` };
  }

  async group(name: string): Promise<MultiBackend> {
    this.#check(name, ["group"], `a group of stores; add it to "groups" of the configuration`);
    const opening = this.#groups.get(name) ?? this.#openGroup(name);
    this.#groups.set(name, opening);
    return opening;
  }

  async queue(text: string): Promise<QueueTarget> {
    const url = parseQueueUrl(text);
    if (url) {
      const provider = await this.#provider(text, () => this.#queues.typed(url));
      return { provider, topic: provider.topic };
    }
    const [name = "", topic] = text.split(/:(.*)/s, 2);
    if (name === "env" && !this.#names.has("env")) {
      const provider = await this.#provider("env", () => this.#queues.ofEnvironment());
      return { provider, topic: topic || provider.topic };
    }
    const provider = await this.#queueNamed(name);
    return { provider, topic: topic || provider.topic };
  }

  async close(): Promise<void> {
    const closing = await Promise.allSettled([
      ...[...this.#providers.values()].map((opening) =>
        opening.then(
          (provider) => provider.close(),
          () => undefined,
        ),
      ),
      this.#closeStores(),
    ]);
    const failed = closing.find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** A group writes until it is closed, so its members are closed after it. */
  async #closeStores(): Promise<void> {
    await Promise.allSettled([...this.#backends.values()]);
    await Promise.all(
      [...this.#groups.values()].map((opening) =>
        opening.then(
          (group) => group.close(),
          () => undefined,
        ),
      ),
    );
    await this.#stores.close();
  }

  #define(name: string, kind: TargetKind): void {
    const present = this.#names.get(name);
    if (present)
      throw configError(
        this.#file,
        `${SECTIONS[kind]}.${name}`,
        `the name is taken by ${SECTIONS[present.kind]}.${name}; each name stands for one thing`,
      );
    this.#names.set(name, { name, kind, from: this.#file });
  }

  #defineByVariable(name: string, variable: string, url: string): void {
    const kind: TargetKind = /^(nats|tls|kafka):\/\//i.test(url) ? "queue" : "backend";
    const present = this.#names.get(name);
    if (present && present.kind !== kind)
      throw configError(
        variable,
        "",
        `${name} is in ${SECTIONS[present.kind]} of ${this.#file}, and this is the URL of a ${kind}; unset the variable or give it the URL of a ${present.kind}`,
      );
    this.#names.set(name, { name, kind, from: variable });
  }

  async #named(name: string, path: string): Promise<StoreTarget> {
    const kind = this.#check(
      name,
      STORES,
      `a store; write ./${name}… for a local file, or add it to "backends" of the configuration`,
    );
    if (path.startsWith("/"))
      throw invalid(`${shown(`${name}:${path}`)} has a path that begins with "/"; write ${name}:${path.replace(/^\/+/, "")}`);
    const { backend, url } = kind === "group" ? { backend: await this.group(name) } : await this.#backend(name);
    // What has no URL is called as it was asked for.
    if (url === undefined) return { backend, path, url: `${name}:${path}`, name };
    return { backend, path, url: path === "" ? url : `${url}/${path}`, name };
  }

  #backend(name: string): Promise<OpenedStore> {
    const opening = this.#backends.get(name) ?? this.#openBackend(name);
    this.#backends.set(name, opening);
    return opening;
  }

  #openBackend(name: string): Promise<OpenedStore> {
    const variable = this.#variables.get(name);
    if (variable) return this.#stores.described(variable.url, { file: variable.variable, path: [], directory: this.#cwd });
    return this.#stores.described(this.#loaded.config.backends?.[name] as BackendEntry, this.#place("backends", name));
  }

  async #openGroup(name: string): Promise<MultiBackend> {
    const place = this.#place("groups", name);
    const key = `groups.${name}`;
    try {
      const entry = expand(this.#loaded.config.groups?.[name], this.#env, this.#file, place.path) as GroupEntry;
      const { members, journal, ...options } = entry;
      const opened = await Promise.all(members.map((member, at) => this.#member(member, [...place.path, "members", at])));
      const keeper = journal === undefined ? undefined : await this.#reference(journal, [...place.path, "journal"]);
      // Groups and composites are loaded when one is named: most commands do without.
      const { multi } = await import("@omni/multi");
      return multi(opened, { ...options, journal: keeper });
    } catch (error) {
      throw locate(error, this.#file, key);
    }
  }

  async #member(entry: MemberEntry, path: readonly PropertyKey[]): Promise<Member | Backend> {
    if (typeof entry !== "string") return { ...entry, backend: await this.#reference(entry.backend, [...path, "backend"]) };
    const backend = await this.#reference(entry, path);
    return this.#names.has(entry) ? { name: entry, backend } : backend;
  }

  /** The backend that a group names, by its configured name or by a URL. */
  async #reference(text: string, path: readonly PropertyKey[]): Promise<Backend> {
    const kind = this.#names.get(text)?.kind;
    if (kind === "backend") return (await this.#backend(text)).backend;
    if (kind === undefined && /[:/\\.]/.test(text))
      return (await this.#stores.described(text, { ...this.#place("groups", ""), path })).backend;
    throw configError(
      this.#file,
      keyPath(path),
      kind === undefined
        ? this.#unknown(text, ["backend"], "a backend or URL")
        : `"${text}" is a ${kind}, and this has to be a backend`,
    );
  }

  async #queueNamed(name: string): Promise<QueueProvider> {
    const kind = this.#check(name, QUEUES, `a queue; write nats://host:4222/topic, or add it to "queues" of the configuration`);
    return this.#provider(`name:${name}`, () => (kind === "composite" ? this.#openComposite(name) : this.#openQueue(name)));
  }

  #openQueue(name: string): Promise<QueueProvider> {
    const variable = this.#variables.get(name);
    if (variable) return this.#queues.described(variable.url, { file: variable.variable, path: [], directory: this.#cwd });
    const entry = this.#loaded.config.queues?.[name];
    return this.#queues.described(entry as NonNullable<typeof entry>, this.#place("queues", name));
  }

  async #openComposite(name: string): Promise<QueueProvider> {
    const place = this.#place("composites", name);
    try {
      const entry = expand(this.#loaded.config.composites?.[name], this.#env, this.#file, place.path) as CompositeEntry;
      const { members, ...options } = entry;
      const opened = await Promise.all(members.map((member, at) => this.#queueMember(member, [...place.path, "members", at])));
      const { compositeQueue } = await import("@omni/queue-composite");
      return compositeQueue(opened, options);
    } catch (error) {
      throw locate(error, this.#file, `composites.${name}`);
    }
  }

  async #queueMember(entry: QueueMemberEntry, path: readonly PropertyKey[]) {
    const { queue, ...settings } = typeof entry === "string" ? { queue: entry } : entry;
    const kind = this.#names.get(queue)?.kind;
    const named = kind === undefined ? {} : { name: queue };
    // A composite closes its members, so each of its members is a queue of its own.
    if (kind === "queue") return { ...named, ...settings, provider: await this.#openQueue(queue) };
    if (kind === undefined && queue.includes("://"))
      return { ...settings, provider: await this.#queues.described(queue, { ...this.#place("composites", ""), path }) };
    throw configError(
      this.#file,
      keyPath(path),
      kind === undefined
        ? this.#unknown(queue, ["queue"], "a queue or URL")
        : `"${queue}" is a ${kind}, and this has to be a queue`,
    );
  }

  #provider(key: string, make: () => Promise<QueueProvider>): Promise<QueueProvider> {
    const opening = this.#providers.get(key) ?? make();
    this.#providers.set(key, opening);
    return opening;
  }

  #place(section: string, name: string): Place {
    return { file: this.#file, path: [section, name], directory: this.#loaded.directory };
  }

  #check(name: string, kinds: readonly TargetKind[], wanted: string): TargetKind {
    const found = this.#names.get(name);
    if (found && kinds.includes(found.kind)) return found.kind;
    if (found) throw invalid(`"${name}" is a ${found.kind} (${found.from}), and this has to be ${wanted.split(";", 1)[0]}`);
    throw invalid(this.#unknown(name, kinds, wanted));
  }

  #unknown(name: string, kinds: readonly TargetKind[], wanted: string): string {
    const known = this.names()
      .filter(({ kind }) => kinds.includes(kind))
      .map((one) => one.name);
    const meant = nearest(name, known);
    const list = known.length === 0 ? "none is configured" : `known: ${known.join(", ")}`;
    const where = this.configFile === undefined ? `no omni.config.ts or omni.config.json from ${this.#cwd} upward` : this.#file;
    return `"${name}" names no ${kinds.join(" or ")}${meant === undefined ? "" : `; did you mean "${meant}"?`} (${list}; ${where}). It has to be ${wanted}`;
  }
}

function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason });
}
