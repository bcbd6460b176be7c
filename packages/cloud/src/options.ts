import type { AnyBackendDefinition, Backend, BreakerOptions, Clock, Logger } from "@omni/core";
import type { Catalogue } from "./catalogue.ts";
import type { Rule, UploadFacts } from "./rules.ts";

/** A backend, or how to get one: a name or URL for `open`, or a function that is called at first use. */
export type BackendSource = Backend | string | (() => Backend | Promise<Backend>);

/** One cloud of a group, opened. */
export interface GroupMember {
  readonly name: string;
  readonly backend: Backend;
}

/** The clouds of a group, in the order of their names in the definition. */
export type GroupMembers = readonly [GroupMember, GroupMember, ...GroupMember[]];

/** A cloud with what its backend alone does not say. */
export interface CloudDefinition {
  /** Absent where the configuration has to give it, or for a group. */
  readonly backend?: BackendSource | undefined;
  /** Text options of a backend that is a name or URL; they win over the URL's. */
  readonly options?: Readonly<Record<string, string>> | undefined;
  /** Names of two or more other clouds that `combine` makes one of. */
  readonly members?: readonly string[] | undefined;
  /** Makes the group, such as `(members) => multi(members, { mode: "quorum" })`. */
  readonly combine?: ((members: GroupMembers) => Backend | Promise<Backend>) | undefined;
  /** Folder of its objects. @default "" */
  readonly prefix?: string | undefined;
  /** What `StoredObject.region` says of objects here. */
  readonly region?: string | undefined;
  /** Where its bytes rest, for the `residency` of rules: a place, or several for a store that spans them. @default of a group: its members'; else nowhere stated */
  readonly residency?: string | readonly string[] | undefined;
  /** Where the router of `@omni/cloud/dev` is reached, for stores that sign no URLs themselves: `http://localhost:4000/files`. */
  readonly baseUrl?: string | undefined;
  /** Milliseconds that one try of an insert may take here until the next cloud is tried. @default none */
  readonly timeoutMs?: number | undefined;
}

/** One cloud of `defineClouds`. */
export type CloudSource = BackendSource | CloudDefinition;

/** One cloud in JSON. */
export interface CloudConfig
  extends Pick<CloudDefinition, "options" | "prefix" | "region" | "residency" | "baseUrl" | "timeoutMs"> {
  /** Name or URL of the backend. */
  readonly url?: string | undefined;
}

/** Configuration in JSON: what it says of a cloud replaces what the code says. */
export interface CloudsConfig {
  readonly clouds?: Readonly<Record<string, string | CloudConfig>> | undefined;
  readonly default?: string | undefined;
  readonly secret?: string | undefined;
}

/** What `defineClouds` takes beside the clouds. */
export interface CloudsOptions<N extends string = string> {
  /** Where uploads go that no rule takes. @default the first cloud */
  readonly default?: N | undefined;
  /** Rules, of which the first that matches decides; or a function that names the cloud, and `undefined` for the default. */
  readonly route?: readonly Rule<N>[] | ((facts: UploadFacts) => N | undefined) | undefined;
  /** Configuration in JSON, parsed or as text. */
  readonly config?: CloudsConfig | string | undefined;
  /** Environment with `CLOUDS_<NAME>_URL` and so on; it wins over `config`. `{}` = none. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** What the names in the environment begin with. @default "CLOUDS_" */
  readonly envPrefix?: string | undefined;
  /** Other people's backends, for names and URLs. */
  readonly use?: readonly AnyBackendDefinition[] | undefined;
  /** Rows of every object that is inserted, moved or deleted. */
  readonly catalogue?: Catalogue | undefined;
  /** Signs the URLs of stores that sign none themselves, and upload tickets; at least 16 characters. @default random, of this process */
  readonly secret?: string | undefined;
  /** When a cloud that fails is left alone. @default 5 failures in a row, 10 seconds */
  readonly breaker?: BreakerOptions | false | undefined;
  /** Most bytes of a stream that are kept in memory to send them to the next cloud. @default 1 MiB */
  readonly replayBytes?: number | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
  /** @default the machine's */
  readonly clock?: Clock | undefined;
}

/** What a scope may have of its own, beside clouds. */
export interface ScopeOptions<N extends string = string> extends Pick<CloudsOptions<N>, "default" | "route" | "catalogue"> {
  /** What rules see of every upload of the scope that does not say otherwise. */
  readonly facts?: Partial<Pick<UploadFacts, "tenant" | "region" | "attributes">> | undefined;
}
