import type { AnyBackendDefinition, Backend } from "@omni/core";
import type { QueueProvider } from "@omni/core/queue";
import type { MultiOptions } from "@omni/multi";
import type { CompositeOptions } from "@omni/queue-composite";
import type { KafkaQueueOptions } from "@omni/queue-kafka";
import type { MemoryQueueOptions } from "@omni/queue-memory";
import type { NatsQueueOptions } from "@omni/queue-nats";

/** Options that only code can give. */
type CodeOption = "logger" | "clock";

/** A store as text: its URL, and the options of its backend. */
export interface BackendSettings {
  /** `s3://bucket/prefix`, `gs://bucket`, `file:///directory`, a path such as `./data`, or the name of a backend alone: `memory`. */
  readonly url: string;
  /** Options of the backend, such as `region` or `accessKeyId`. */
  readonly [option: string]: unknown;
}

/** A store: its URL, its URL and options, or, in TypeScript, the backend itself or a function that makes it. */
export type BackendEntry = string | BackendSettings | Backend | (() => Backend | Promise<Backend>);

/** A member of a group: the name of a backend, a URL, or with limits of its own. */
export type MemberEntry =
  | string
  | {
      readonly name: string;
      readonly backend: string;
      readonly windowBytes?: number | undefined;
      readonly timeoutMs?: number | undefined;
      readonly minBytesPerSecond?: number | undefined;
    };

/** Several stores as one: `multi` of `@omni/multi`. */
export interface GroupEntry extends Omit<MultiOptions, CodeOption | "journal" | "closeMembers"> {
  readonly members: readonly MemberEntry[];
  /** The name or URL of the backend that keeps the journal. */
  readonly journal?: string | undefined;
}

/** A queue of a type that this project has. */
export type QueueSettings =
  | ({ readonly type: "memory" } & Omit<MemoryQueueOptions, CodeOption>)
  | ({ readonly type: "nats" } & Omit<NatsQueueOptions, CodeOption | "connect">)
  | ({ readonly type: "kafka" } & Omit<KafkaQueueOptions, CodeOption>);

/** A queue: `nats://host:4222/topic`, `kafka://host:9092/topic`, its options, or, in TypeScript, the queue itself or a function that makes it. */
export type QueueEntry = string | QueueSettings | QueueProvider | (() => QueueProvider | Promise<QueueProvider>);

/** A member of a composite: the name of a queue, a URL, or with settings of its own. */
export type QueueMemberEntry =
  | string
  | {
      readonly name: string;
      readonly queue: string;
      readonly required?: boolean | undefined;
      readonly timeoutMs?: number | undefined;
    };

/** Several queues as one: `compositeQueue` of `@omni/queue-composite`. */
export interface CompositeEntry extends Omit<CompositeOptions, CodeOption | "topics"> {
  readonly members: readonly QueueMemberEntry[];
  /** By member: what it calls the topics. */
  readonly topics?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
}

/** What stands in `omni.config.ts` or `omni.config.json`. `${NAME}` in a text is that variable of the environment; `$${` is a plain `${`. */
export interface OmniConfig {
  /** Where editors find the schema of the JSON form. */
  readonly $schema?: string | undefined;
  /** Packages, or files beginning with `./`, whose backends are known too; in TypeScript also their definitions. */
  readonly use?: readonly (string | AnyBackendDefinition)[] | undefined;
  /** Stores by name: `omni ls name:path`. */
  readonly backends?: Readonly<Record<string, BackendEntry>> | undefined;
  /** Groups of stores by name: `omni verify name`. */
  readonly groups?: Readonly<Record<string, GroupEntry>> | undefined;
  /** Queues by name: `omni queue publish name:topic`. */
  readonly queues?: Readonly<Record<string, QueueEntry>> | undefined;
  /** Queues over several brokers by name. */
  readonly composites?: Readonly<Record<string, CompositeEntry>> | undefined;
}

/** Gives a configuration its type: `export default defineConfig({ backends: { photos: "s3://photos" } })`. */
export function defineConfig(config: OmniConfig): OmniConfig {
  return config;
}

/** Whether this is a backend, and not a description of one. */
export function isBackend(value: unknown): value is Backend {
  return typeof value === "object" && value !== null && "driver" in value && "read" in value && typeof value.read === "function";
}

/** Whether this is a queue, and not a description of one. */
export function isQueue(value: unknown): value is QueueProvider {
  return (
    typeof value === "object" && value !== null && "driver" in value && "publish" in value && typeof value.publish === "function"
  );
}
