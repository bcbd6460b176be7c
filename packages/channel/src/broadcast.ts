import { checkPrefix, type DriverOptions, type MemberOutcome, MultiError, OmniError, toBytes } from "@omni/core";
import { type Channel, ROOM, type Sender } from "./channel.ts";
import type { ChannelTable } from "./channel-table.ts";
import { copyOf } from "./channel-writer.ts";

/** What became of a broadcast. */
export interface BroadcastReport {
  /** How many channels were open under the prefix. */
  readonly channels: number;
  /** How many of them took the message. */
  readonly delivered: number;
  /** How many dropped it since they were full; 0 unless the backend is lossy. */
  readonly dropped: number;
  /** Every channel, in byte order of the paths. */
  readonly outcomes: readonly BroadcastOutcome[];
}

/** What became of a broadcast at one channel. */
export interface BroadcastOutcome extends MemberOutcome {
  /** Path of the channel. */
  readonly member: string;
  /** `ended`: the channel ended while the message waited for room. `failed`: see `error`. */
  readonly state: "delivered" | "dropped" | "ended" | "failed";
}

/** Sends one message to every open channel under a plain prefix. */
export async function broadcast(
  table: ChannelTable,
  prefix: string,
  data: Uint8Array | string,
  { signal }: DriverOptions = {},
): Promise<BroadcastReport> {
  table.checkOpen("broadcast");
  checkPrefix(prefix);
  const message = toBytes(data);
  signal?.throwIfAborted();
  const open = table.under(prefix).filter((channel) => channel.current);
  const outcomes = await Promise.all(open.map((channel) => offer(channel, copyOf(message), table.settings.lossy, signal)));
  signal?.throwIfAborted();
  if (outcomes.some(({ state }) => state === "failed"))
    throw new MultiError("PARTIAL_FAILURE", outcomes, { backend: "channel", operation: "broadcast", path: prefix });
  const count = (wanted: BroadcastOutcome["state"]): number => outcomes.filter(({ state }) => state === wanted).length;
  return { channels: outcomes.length, delivered: count("delivered"), dropped: count("dropped"), outcomes };
}

async function offer(
  channel: Channel,
  message: Uint8Array,
  lossy: boolean,
  signal: AbortSignal | undefined,
): Promise<BroadcastOutcome> {
  const member = channel.path;
  if (lossy && !channel.hasRoom) return { member, state: "dropped" };
  const sender: Sender = { waiting: 0, admitted: () => {} };
  const stop = (): void => channel.withdraw(sender, signal?.reason);
  try {
    const sent = channel.send(message, sender);
    if (sent !== ROOM) {
      signal?.addEventListener("abort", stop, { once: true });
      await sent;
    }
    return { member, state: "delivered" };
  } catch (error) {
    if (OmniError.is(error, "WRITER_CLOSED", "BACKEND_CLOSED")) return { member, state: "ended" };
    return { member, state: "failed", error: error as Error };
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
