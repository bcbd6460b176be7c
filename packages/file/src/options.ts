import { fileURLToPath } from "node:url";
import { type Clock, type Logger, OmniError, type OptionTable, type TextConfig } from "@omni/core";

/** Options of {@link file}. */
export interface FileOptions {
  /** The directory that holds the objects; made at the first write. Relative to the current directory at construction. */
  readonly root: string;
  /**
   * Force every write to the disk, the file and its directory, before the promise resolves. Without it a written object survives the end of the
   * process (also SIGKILL) but perhaps not a power failure.
   *
   * @default true
   */
  readonly fsync?: boolean | undefined;
  /** Milliseconds after which a staged write that was not committed may be swept. @default 604_800_000, seven days */
  readonly stageTtlMs?: number | undefined;
  /**
   * Milliseconds after which a temporary file is taken for left behind and swept, in the background, at most once an hour; 0 = never by itself.
   *
   * @default 86_400_000, one day
   */
  readonly sweepAfterMs?: number | undefined;
  /** Told about sweeps. @default silent */
  readonly logger?: Logger | undefined;
  /** Time for deadlines. @default the machine's clock */
  readonly clock?: Clock | undefined;
}

export const OPTIONS: OptionTable<FileOptions> = {
  root: { type: "string", required: true, aliases: ["path", "dir", "directory", "basePath"] },
  fsync: { type: "boolean", aliases: ["sync", "durable"] },
  stageTtlMs: { type: "integer", min: 1000 },
  sweepAfterMs: { type: "integer" },
  logger: { type: "object" },
  clock: { type: "object" },
};

/** The options with their defaults. */
export interface CheckedOptions {
  readonly root: string;
  readonly fsync: boolean;
  readonly stageTtlMs: number;
  readonly sweepAfterMs: number;
  readonly logger: Logger | undefined;
}

const DAY_MS = 86_400_000;

/** Completes the options. @throws OmniError INVALID_ARGUMENT */
export function withDefaults(options: FileOptions): CheckedOptions {
  const { root, fsync = true, stageTtlMs = 7 * DAY_MS, sweepAfterMs = DAY_MS, logger } = options;
  if (root === "" || root.includes("\0"))
    throw new OmniError("INVALID_ARGUMENT", { reason: 'the option "root" is the path of a directory, such as "./data"' });
  return { root, fsync, stageTtlMs, sweepAfterMs, logger };
}

/** `file:///var/data?fsync=false`: the path is the root. @throws OmniError INVALID_ARGUMENT */
export function configOfUrl(url: URL): TextConfig {
  try {
    const bare = new URL(url);
    bare.search = "";
    bare.hash = "";
    return { root: fileURLToPath(bare) };
  } catch (cause) {
    throw new OmniError("INVALID_ARGUMENT", { reason: `${url.href} names no directory here; write file:///absolute/path`, cause });
  }
}
