/** What one server must say of itself. Every file in `kinds/` has this silhouette: environment, probe, install, plan, endpoint. */
import type { Command } from "./processes.ts";
import type { ServerName } from "./versions.ts";

/** Where a server answers and with what one signs in. */
export interface Endpoint {
  /** e.g. `nats://127.0.0.1:4222`, `http://127.0.0.1:9000`; for Kafka the list of brokers, `127.0.0.1:9092,127.0.0.1:9094`; for SSH `sftp://user@127.0.0.1:2222/folder`. */
  readonly url: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly region?: string;
  /** SSH: the key that signs in, and the file that knows the server's. */
  readonly ssh?: { readonly privateKeyFile: string; readonly knownHostsFile: string };
}

/** A program that can be started. */
export interface Program {
  readonly from: "path" | "cache";
  /** The executable; for Kafka `java`. */
  readonly command: string;
  readonly version: string;
  /** Kafka: the folder of jars. Ceph in a Debian tree of its own: its root. */
  readonly home?: string;
}

/** Why there is no program, and what to do about it. */
export interface Absent {
  readonly why: string;
  readonly remedy: string;
}

/** What may be asked of one instance. All optional; a kind that does not know an option refuses it. */
export interface StartOptions {
  /** Ports by name (`client`; Kafka `node1`, `controller1`, ...); those not given are asked of the system. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Kafka: brokers in the cluster. @default 1 */
  readonly nodes?: number;
  /** GCS: objects on disk, so that they survive SIGKILL (fewer names are possible then). @default false */
  readonly durable?: boolean;
  /** More lines for the server's own configuration: Kafka properties, NATS configuration text, sshd_config (of a repeated line the first holds). */
  readonly configuration?: string;
}

/** The place of one instance: its folder, its ports and its program. */
export interface Site {
  /** Unique; part of `directory` and so of every command line. */
  readonly id: string;
  readonly directory: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly program: Program;
  readonly options: StartOptions;
}

/** One process of a server, in the order in which they start. */
export interface ProcessPlan extends Command {
  readonly role: string;
  /** Before the first start only: formats the disk, makes the file system. */
  readonly prepare?: () => Promise<void>;
  /** True as soon as clients are served; asked again and again until then. */
  readonly ready: () => Promise<boolean>;
  /** After the first start only: accounts. */
  readonly finish?: () => Promise<void>;
  /** SIGKILL of the server hits this one. @default true */
  readonly killable?: boolean;
}

export interface ServerKind {
  readonly name: ServerName;
  /** The environment variables that name a server which runs already; undefined when not set. */
  environment(variables: NodeJS.ProcessEnv): Endpoint | undefined;
  /** A program on the PATH, else in the project's cache. */
  probe(): Promise<Program | Absent>;
  /** Fills the cache at the pinned version. */
  install(say: (line: string) => void): Promise<void>;
  /** The names of the ports that an instance needs. */
  portNames(options: StartOptions): readonly string[];
  /** Writes the configuration and says which processes to start. Called at the first start and at every restart. */
  plan(site: Site): Promise<readonly ProcessPlan[]>;
  endpoint(site: Pick<Site, "ports" | "options"> & Partial<Pick<Site, "directory">>): Endpoint;
  /** How long a first start may take. @default 30000 */
  readonly startTimeoutMs?: number;
}

export function isAbsent(value: Program | Absent): value is Absent {
  return "why" in value;
}
