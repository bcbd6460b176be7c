import type { Backend } from "@omni/core";
import type { QueueProvider } from "@omni/core/queue";
import type { MultiBackend } from "@omni/multi";

/** A store and a place in it, as a command line names it. */
export interface StoreTarget {
  readonly backend: Backend;
  /** Path within the backend; empty for the backend itself. */
  readonly path: string;
  /** The text in a form that names the place without secrets. */
  readonly url: string;
  /** The configured name, where one was given. */
  readonly name?: string | undefined;
}

/** A queue, as a command line names it. */
export interface QueueTarget {
  readonly provider: QueueProvider;
  readonly topic?: string | undefined;
}

/** What a configured name is. */
export type TargetKind = "backend" | "group" | "queue" | "composite";

/** A name that the configuration or the environment defines. */
export interface TargetName {
  readonly name: string;
  readonly kind: TargetKind;
  /** The file or variable that defines it. */
  readonly from: string;
}

/** What the texts of a command line mean: URLs, local paths, and names of the configuration. Opened once per command, lazily. */
export interface Targets {
  /**
   * `s3://bucket/prefix/file`, `file:///dir`, a local path `./dir` or `/dir/file`, or `name:path` of a configured store.
   *
   * A local path that is a directory, or ends in `/`, is a backend of its own with an empty path; any other is a name in its directory.
   * Of an SFTP server, what ends in `/` is a backend of its own, and anything else a name in its directory.
   *
   * @throws OmniError INVALID_ARGUMENT, UNKNOWN_BACKEND, NOT_INSTALLED
   */
  store(text: string): Promise<StoreTarget>;
  /** A configured group of stores. @throws OmniError INVALID_ARGUMENT */
  group(name: string): Promise<MultiBackend>;
  /** A broker's URL, or a configured queue. @throws OmniError INVALID_ARGUMENT */
  queue(text: string): Promise<QueueTarget>;
  /** The names of the configuration and the environment. */
  names(): readonly TargetName[];
  /** Closes everything that was opened. */
  close(): Promise<void>;
}

/** Where targets come from. */
export interface TargetOptions {
  /** @default the nearest omni.config.ts, .mjs, .js or .json from `cwd` upward */
  readonly configFile?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}
