import { MultiError, OmniError } from "@omni/core";
import type { Catalogue } from "./catalogue.ts";
import { type Cloud, cloudOf, type ObjectStore, objectStore } from "./cloud.ts";
import { CloudSet } from "./cloud-set.ts";
import { invalid } from "./errors.ts";
import type { ObjectRef } from "./locating.ts";
import { type MigrationOptions, type MigrationReport, migrate } from "./migration.ts";
import type { CloudSource, CloudsOptions, ScopeOptions } from "./options.ts";
import { type ReconcileOptions, type ReconcileReport, reconcile } from "./reconcile.ts";
import { choose, type Explanation } from "./routing.ts";
import type { CloudView } from "./rules.ts";
import type { UploadSource } from "./source.ts";
import type { StoredObject } from "./stored-object.ts";
import { copy } from "./transferring.ts";
import { type FactOptions, openUpload, spokenFacts } from "./upload.ts";

/** What `explain` looks at: what is said of an upload, and its bytes where they are given. */
export interface ExplainedUpload extends FactOptions {
  readonly source?: UploadSource | undefined;
}

/** What all clouds of an application do together. */
export interface CloudsApi<N extends string = string> extends ObjectStore<N>, AsyncDisposable {
  /** The names, in the order of the definition. */
  readonly names: readonly N[];
  /** A cloud by a name that is only known at run time. @throws OmniError INVALID_ARGUMENT */
  cloud(name: string): Cloud<N>;
  /** Health of every cloud, as rule functions see it. */
  health(): readonly CloudView<N>[];
  /** Says which rule would choose what for an upload, and why; stores nothing. */
  explain(upload: ExplainedUpload): Promise<Explanation<N>>;
  /** Copies an object to another cloud: `copy(object, { to })`. */
  copyObject(object: ObjectRef, to: N): Promise<StoredObject<N>>;
  /**
   * Copies a cloud to another, verified and with a journal: the same call goes on after a crash. Then the catalogue's rows say where the files are; the source
   * stays.
   *
   * @throws OmniError INVALID_ARGUMENT before anything is copied, when a rule or a row keeps files in a place that the destination is not in
   */
  migrate(options: MigrationOptions<N>): Promise<MigrationReport>;
  /** Compares a catalogue with the clouds. */
  reconcile(catalogue: Catalogue, options?: ReconcileOptions<N>): Promise<ReconcileReport<N>>;
  /**
   * The same clouds with some of them, the rules or the catalogue replaced: a tenant. What is replaced is opened lazily and closed by the scope's `close`; the rest is shared.
   *
   * @throws OmniError INVALID_ARGUMENT
   */
  scoped(clouds: Partial<Readonly<Record<N, CloudSource>>>, options?: ScopeOptions<N>): ScopedClouds<N>;
  /**
   * Opens every cloud and asks it for an object that is not there, so that wrong configuration and credentials show at start.
   *
   * @param names which. @default all
   * @throws MultiError with every cloud that does not answer
   */
  ready(names?: readonly N[]): Promise<void>;
  /** Closes every cloud that was opened or given, and removes the temporary files. A second call does nothing. */
  close(): Promise<void>;
}

/** The clouds of an application: `clouds.uploads.insert(…)` by name, `clouds.insert(…)` by route. */
export type Clouds<N extends string = string> = CloudsApi<N> & { readonly [K in N]: Cloud<N, K> };

/** The clouds of a scope. */
export type ScopedClouds<N extends string = string> = Clouds<N> & {
  /**
   * Calls a function within which the outermost clouds mean this scope, also in what it starts and awaits. Calls that run at the same time keep
   * apart.
   */
  run<T>(work: () => T): T;
};

/** How the router of `@omni/cloud/dev` reaches the clouds of the current scope. */
export const CURRENT: unique symbol = Symbol.for("@omni/cloud/current@1");

/**
 * Names the clouds of an application. Nothing is opened before its first use.
 *
 * @param clouds backends, names or URLs for `open`, functions that make a backend, or `{ backend, prefix, region, residency, … }`
 * @param options rules, default, catalogue, and configuration that goes before what the code says
 * @throws OmniError INVALID_ARGUMENT that names what is wrong in the definition, the configuration or the environment
 */
export function defineClouds<const N extends string>(
  clouds: Readonly<Record<N, CloudSource>>,
  options: CloudsOptions<NoInfer<N>> = {},
): Clouds<N> {
  const set = CloudSet.define(clouds, options as unknown as CloudsOptions);
  // The outermost clouds mean the scope that the caller runs in.
  return cloudsOf(set, () => set.family.current.getStore() ?? set) as unknown as Clouds<N>;
}

function cloudsOf(set: CloudSet, current: () => CloudSet): Clouds {
  const names = [...set.slots.keys()];
  const api: CloudsApi = {
    ...objectStore(current),
    names,
    cloud: (name) => {
      const { name: known } = set.slot("cloud", name);
      return handles[known] as Cloud;
    },
    health: () => [...current().slots.values()].map((slot) => slot.view(current().placesOf(slot))),
    explain: async (upload) => explain(current(), upload),
    copyObject: async (object, to) => copy(current(), object, { to }),
    migrate: async (options) => migrate(current(), options),
    reconcile: async (catalogue, more = {}) => reconcile(current(), catalogue, more),
    scoped: (given, more = {}) => scopeOf(current().scoped(given as Readonly<Record<string, CloudSource>>, more)),
    ready: async (which = names) => ready(current(), which),
    close: () => set.close(),
    [Symbol.asyncDispose]: () => set.close(),
  };
  for (const name of names)
    if (name in api || name === "run" || name === "then" || !/^[A-Za-z][A-Za-z0-9_-]*$/.test(name))
      throw invalid(
        "defineClouds",
        `"${name}" cannot be the name of a cloud: names are letters, digits, "_" and "-", and not those of methods`,
      );
  const handles: Readonly<Record<string, Cloud>> = Object.fromEntries(names.map((name) => [name, cloudOf(current, name)]));
  return Object.defineProperty({ ...api, ...handles }, CURRENT, { value: current }) as unknown as Clouds;
}

function scopeOf(set: CloudSet): ScopedClouds {
  // A scope that is held by its handle is always itself, whoever runs around it.
  const scope = cloudsOf(set, () => set);
  return Object.defineProperty(scope, "run", {
    value: <T>(work: () => T): T => set.family.current.run(set, work),
    enumerable: true,
  }) as ScopedClouds;
}

async function explain(set: CloudSet, { source, ...options }: ExplainedUpload): Promise<Explanation> {
  if (source === undefined) return (await choose(set, await spokenFacts(set, "explain", options))).explanation;
  const upload = await openUpload(set, source, options);
  try {
    return (await choose(set, upload.facts)).explanation;
  } finally {
    await upload.replay.close();
  }
}

/** A name that nobody gives an object. */
const PROBE = "omni-ready-probe";

async function ready(set: CloudSet, names: readonly string[]): Promise<void> {
  const outcomes = await Promise.all(
    names.map(async (name) => {
      try {
        await (await set.slot("ready", name).backend()).exists(PROBE);
        return { member: name, state: "ready" };
      } catch (cause) {
        const { code, message } = OmniError.is(cause) ? cause : { code: "UNKNOWN" as const, message: String(cause) };
        const error = new OmniError(code, { backend: name, operation: "ready", reason: message, cause });
        return { member: name, state: "failed", error };
      }
    }),
  );
  if (outcomes.some(({ error }) => error))
    throw new MultiError("PARTIAL_FAILURE", outcomes, { backend: "cloud", operation: "ready" });
}
