import { comparePaths, OmniError } from "@omni/core";
import { Channel } from "./channel.ts";
import { CLOSED, DELETED } from "./errors.ts";
import type { ChannelSettings } from "./options.ts";

/** The channels of one backend, by path. A channel is there from its first reader or writer until nothing is left of it. */
export class ChannelTable {
  readonly settings: ChannelSettings;
  readonly #channels: Map<string, Channel> = new Map();
  #closed = false;

  constructor(settings: ChannelSettings) {
    this.settings = settings;
  }

  /** The channel at a path, made when there is none. */
  open(path: string): Channel {
    this.checkOpen("open");
    let channel = this.#channels.get(path);
    if (!channel) {
      channel = new Channel(path, this.settings, this.#forget);
      this.#channels.set(path, channel);
    }
    return channel;
  }

  find(path: string): Channel | undefined {
    return this.#channels.get(path);
  }

  /** Channels under a plain prefix, in byte order of their paths. */
  under(prefix: string): Channel[] {
    return [...this.#channels.values()].filter(({ path }) => path.startsWith(prefix)).sort((a, b) => comparePaths(a.path, b.path));
  }

  /** How many channels have a reader or a writer that may still get or send a message. */
  get openCount(): number {
    let count = 0;
    for (const channel of this.#channels.values()) if (channel.current) count++;
    return count;
  }

  /** How many channels are held, open or with messages. */
  get size(): number {
    return this.#channels.size;
  }

  delete(path: string): void {
    this.#channels.get(path)?.remove(DELETED);
  }

  close(): void {
    this.#closed = true;
    for (const channel of [...this.#channels.values()]) channel.remove(CLOSED);
  }

  checkOpen(operation: string): void {
    if (this.#closed) throw new OmniError("BACKEND_CLOSED", { backend: "channel", operation, outcome: "not-applied" });
  }

  readonly #forget = (channel: Channel): void => {
    if (this.#channels.get(channel.path) === channel) this.#channels.delete(channel.path);
  };
}
