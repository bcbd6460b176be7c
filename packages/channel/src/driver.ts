import {
  type Backend,
  type BackendDefinition,
  type DriverOptions,
  type DriverRead,
  defineBackend,
  extend,
  type ObjectInfo,
  type ObjectReader,
  OmniError,
  type ReadOptions,
  type StorageDriver,
  type Supporting,
} from "@omni/core";
import { type BroadcastReport, broadcast } from "./broadcast.ts";
import type { Channel } from "./channel.ts";
import { ChannelReader } from "./channel-reader.ts";
import { ChannelTable } from "./channel-table.ts";
import { ChannelWriter } from "./channel-writer.ts";
import { classifyError } from "./errors.ts";
import { type ChannelOptions, OPTIONS, settingsOf } from "./options.ts";

/** The driver of a channel backend. */
export type ChannelDriver = StorageDriver & Supporting<"openWriter"> & { readonly table: ChannelTable };

/** An open channel, as its reader holds it. */
export interface ChannelObjectReader extends ObjectReader {
  /**
   * The messages, whole and one by one, until the last writer closes. Messages can be taken once: by this, or as bytes.
   *
   * @throws OmniError READER_CLOSED when they were taken already or the reader is closed
   */
  messages(): AsyncIterableIterator<Uint8Array>;
}

/** What is known of a channel. */
export interface ChannelInfo extends ObjectInfo {
  /** Messages that wait, or are stored. `size` is their bytes. */
  readonly messages: number;
  readonly readers: number;
  readonly writers: number;
  /** Whether a reader or a writer may still get or send a message. */
  readonly isOpen: boolean;
}

/** In-process channels with the face of a storage backend: each path is a channel, each `write` of a writer one message. */
export interface ChannelBackend extends Backend<ChannelDriver> {
  /** Opens a channel to read, at once; the first message is waited for when it is asked for. */
  read(path: string, options?: ReadOptions): Promise<ChannelObjectReader>;
  /** @throws OmniError NOT_FOUND when the path has neither reader, writer nor message */
  stat(path: string, options?: DriverOptions): Promise<ChannelInfo>;
  /**
   * Sends one message to every open channel whose path starts with the prefix. Waits for room, unless the backend is lossy.
   *
   * @param prefix a plain string: `a` also means `ab/c`
   * @param data the message; each channel gets its own copy
   * @throws MultiError PARTIAL_FAILURE when a persistent channel is past its bounds; `outcomes` has every channel
   */
  broadcast(prefix: string, data: Uint8Array | string, options?: DriverOptions): Promise<BroadcastReport>;
  /** How many channels are open: have a reader, or a writer that has not closed. */
  readonly channelCount: number;
}

/** Makes the driver of a channel backend. */
export function channelDriver(options: ChannelOptions): ChannelDriver {
  const table = new ChannelTable(settingsOf(options));
  return {
    scheme: "channel",
    features: { live: true, canStream: true, listPrefix: true, sortedList: true, durable: "process" },
    table,

    async read(path, { signal }): Promise<DriverRead> {
      const channel = table.open(path);
      const info = { path, size: channel.ring.bytes };
      const reader = new ChannelReader(channel, signal);
      return { info, body: reader.body(), unsized: true, extras: { messages: messagesOf(reader) } };
    },

    async write(path, body, writeOptions) {
      const writer = new ChannelWriter(table.open(path), writeOptions);
      try {
        if (body instanceof Uint8Array) await writer.write(body);
        else for await (const chunk of body) await writer.write(chunk);
        return await writer.close();
      } catch (error) {
        await writer.abort(error);
        throw error;
      }
    },

    openWriter: (path, writeOptions) => new ChannelWriter(table.open(path), writeOptions),

    async stat(path) {
      const channel = table.find(path);
      if (!channel) throw new OmniError("NOT_FOUND", { reason: "no channel is open here and no message waits" });
      return infoOf(channel);
    },

    async *list(prefix) {
      for (const channel of table.under(prefix)) yield infoOf(channel);
    },

    async delete(path) {
      table.delete(path);
    },

    async close() {
      table.close();
    },

    classifyError,
  };
}

/** The method of core's reader: when the messages are at their end, so is the reader. */
function messagesOf(reader: ChannelReader): ChannelObjectReader["messages"] {
  return function messages(this: ObjectReader) {
    return reader.messages(() => {
      // Core's reader only forgets its signal here: nothing of it can fail.
      void this.close();
    });
  };
}

function infoOf(channel: Channel): ChannelInfo {
  const { current, ring } = channel;
  const { readers, writers } = channel.population;
  return { path: channel.path, size: ring.bytes, messages: ring.length, readers, writers, isOpen: current !== undefined };
}

/**
 * In-process channels with the face of a storage backend.
 *
 * @example
 * const backend = channel({ bufferSize: 100 });
 */
export const channel: BackendDefinition<ChannelOptions, ChannelBackend> = defineBackend<
  ChannelOptions,
  ChannelBackend,
  ChannelDriver
>("channel", {
  options: OPTIONS,
  driver: channelDriver,
  extend: (backend) => {
    const { table } = backend.driver;
    return extend(backend, {
      broadcast: (prefix: string, data: Uint8Array | string, options?: DriverOptions) => broadcast(table, prefix, data, options),
      get channelCount(): number {
        return table.openCount;
      },
    }) as ChannelBackend;
  },
});
