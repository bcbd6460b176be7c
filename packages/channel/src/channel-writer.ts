import { type DriverOptions, type DriverWriter, type ObjectInfo, OmniError } from "@omni/core";
import type { Channel, Sender } from "./channel.ts";
import type { Epoch } from "./epoch.ts";
import { abortedBecause, writerError } from "./errors.ts";

/** Up to here V8 keeps the bytes of a typed array in its own heap, where a copy costs least. */
const IN_HEAP_BYTES = 64;

/**
 * A message of the channel's own: the caller may use its bytes again.
 *
 * `Buffer.from` copies into Node's pool, which serves small messages five times faster than a buffer for each; for large ones it takes one of
 * their own, as the constructor does.
 */
export function copyOf(chunk: Uint8Array): Uint8Array {
  return chunk.byteLength <= IN_HEAP_BYTES ? new Uint8Array(chunk) : Buffer.from(chunk);
}

/** One writer of a channel. */
export class ChannelWriter implements DriverWriter, Sender {
  waiting = 0;
  readonly #channel: Channel;
  readonly #epoch: Epoch;
  readonly #options: DriverOptions;
  #state: "open" | "closing" | "closed" | "aborted" = "open";
  #bytes = 0;
  #abortedBy: { readonly reason: unknown } | undefined;
  #onDrained: { readonly resolve: (info: ObjectInfo) => void; readonly reject: (reason: unknown) => void } | undefined;

  constructor(channel: Channel, options: DriverOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#epoch = channel.joinWriter(this);
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  write(chunk: Uint8Array): Promise<void> {
    if (this.#state !== "open" || !this.#epoch.isOpen) return Promise.reject(this.#refusal());
    try {
      const sent = this.#channel.send(copyOf(chunk), this);
      this.#bytes += chunk.byteLength;
      return sent;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async close(): Promise<ObjectInfo> {
    if (this.#state !== "open" || !this.#epoch.isOpen) throw this.#refusal();
    this.#state = "closing";
    if (this.waiting === 0) return this.#leave();
    return new Promise((resolve, reject) => {
      this.#onDrained = { resolve, reject };
    });
  }

  async abort(reason: unknown): Promise<void> {
    this.#abort(reason, writerError(abortedBecause(reason), this.#channel.path));
  }

  admitted(): void {
    if (this.waiting === 0) this.#onDrained?.resolve(this.#leave());
  }

  /** The epoch ended under this writer. */
  failed(error: unknown): void {
    this.#release();
    this.#onDrained?.reject(error);
  }

  readonly #onAbort = (): void => {
    const reason = this.#options.signal?.reason;
    this.#abortedBy = { reason };
    this.#abort(reason, reason);
  };

  #abort(reason: unknown, rejection: unknown): void {
    if (this.#state === "closed" || this.#state === "aborted") return;
    this.#state = "aborted";
    this.#release();
    this.#channel.withdraw(this, rejection);
    this.#onDrained?.reject(rejection);
    this.#channel.fail(this.#epoch, abortedBecause(reason));
  }

  #leave(): ObjectInfo {
    this.#state = "closed";
    this.#release();
    this.#channel.leaveWriter(this, this.#epoch);
    return { path: this.#channel.path, size: this.#bytes };
  }

  #release(): void {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  #refusal(): unknown {
    if (this.#abortedBy) return this.#abortedBy.reason;
    if (this.#epoch.failure) return writerError(this.#epoch.failure, this.#channel.path);
    const reason = "the writer is closed; open another to write again";
    return new OmniError("WRITER_CLOSED", {
      backend: "channel",
      operation: "write",
      path: this.#channel.path,
      reason,
      outcome: "not-applied",
    });
  }
}
