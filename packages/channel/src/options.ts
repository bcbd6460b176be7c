import { type Clock, OmniError, type OptionTable, systemClock } from "@omni/core";

/** Bounds of what a persistent channel stores. Past any of them a write rejects with QUEUE_FULL; nothing stored is ever dropped. */
export interface Retain {
  /** Most messages per path. @default none */
  readonly messages?: number | undefined;
  /** Most bytes of messages per path. @default 268435456 (256 MiB) */
  readonly bytes?: number | undefined;
  /** Milliseconds from the first message of a path until it takes no more. @default none */
  readonly ageMs?: number | undefined;
}

/** What `channel(options)` takes. */
export interface ChannelOptions {
  /** Messages that wait at a path between its writers and readers, before a writer waits. Counts for channels that are not persistent. @default 100 */
  readonly bufferSize?: number | undefined;
  /** Store everything, and replay it from the start to every reader. @default false */
  readonly persistent?: boolean | undefined;
  /** `"queue"`: readers of a path compete, each message goes to one. `"pubsub"`: each reader receives each message. @default "queue" */
  readonly mode?: "queue" | "pubsub" | undefined;
  /** Bounds of what a persistent channel stores. @default { bytes: 268435456 } */
  readonly retain?: Retain | undefined;
  /** A broadcast drops its message where the buffer is full; else it waits. Writers always wait. @default false */
  readonly lossy?: boolean | undefined;
  /** Time, for `retain.ageMs`. @default the machine's clock */
  readonly clock?: Clock | undefined;
}

/** Every option, as code and text configuration are checked with. */
export const OPTIONS: OptionTable<ChannelOptions> = {
  bufferSize: { type: "integer", min: 1 },
  persistent: { type: "boolean", aliases: ["persistence"] },
  mode: { type: "string", values: ["queue", "pubsub"] },
  retain: { type: "object" },
  lossy: { type: "boolean" },
  clock: { type: "object" },
};

/** Options with every default in its place. */
export interface ChannelSettings {
  readonly bufferSize: number;
  readonly persistent: boolean;
  readonly mode: "queue" | "pubsub";
  readonly retain: { readonly messages: number; readonly bytes: number; readonly ageMs: number };
  readonly lossy: boolean;
  readonly clock: Clock;
}

const RETAIN_BYTES = 256 * 1024 * 1024;
const BOUNDS = ["messages", "bytes", "ageMs"] as const;

/**
 * Completes the options.
 *
 * @throws OmniError INVALID_ARGUMENT for bounds that are none, or that nothing would heed
 */
export function settingsOf(options: ChannelOptions): ChannelSettings {
  const { bufferSize = 100, persistent = false, mode = "queue", retain = {}, lossy = false, clock = systemClock } = options;
  for (const [name, value] of Object.entries(retain)) {
    if (!(BOUNDS as readonly string[]).includes(name)) throw invalid(`unknown bound "retain.${name}". Known: ${BOUNDS.join(", ")}`);
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0))
      throw invalid(`retain.${name} is a whole number, 1 or more, not ${String(value)}`);
  }
  if (!persistent && Object.keys(retain).length > 0)
    throw invalid("retain bounds what a persistent channel stores; set persistent: true, or leave retain out");
  const { messages = Number.POSITIVE_INFINITY, bytes = RETAIN_BYTES, ageMs = Number.POSITIVE_INFINITY } = retain;
  return { bufferSize, persistent, mode, retain: { messages, bytes, ageMs }, lossy, clock };
}

function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason, outcome: "not-applied" });
}
