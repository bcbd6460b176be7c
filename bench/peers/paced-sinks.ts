// Stores that take bytes no faster than a rate and keep none of them: what a remote store is to the one who writes to it.
import { setTimeout as delay } from "node:timers/promises";
import type { Backend, DriverBody, ObjectInfo, StorageDriver } from "@omni/core";

/** A store, and what came to it. */
export interface PacedSink {
  readonly backend: Backend;
  /** Of the last object that was taken: its bytes, and a sum over its chunks in their order. */
  seen(): string;
}

/** The stream of a benchmark carries its chunk's number in the first word of each so many bytes. */
export const numberedBytes: number = 64 * 1024;

/** Time that a sink which got nothing may make up for, as the buffers of a connection do. What is waited for longer is lost. */
const burstMs = 20;
/** A sink sleeps for this long at least: timers are a millisecond coarse, and one after each chunk would set the rate. */
const leastSleepMs = 2;

/** A bucket of tokens that the clock fills. @returns waits until so many bytes are paid for */
function bucket(bytesPerSecond: number): (bytes: number, wholly?: boolean) => Promise<void> {
  let paidAt = performance.now();
  return async (bytes, wholly = false) => {
    const now = performance.now();
    paidAt = Math.max(paidAt, now - burstMs) + (bytes / bytesPerSecond) * 1_000;
    if (paidAt - now > (wholly ? 0 : leastSleepMs)) await delay(paidAt - now);
  };
}

/** Counts bytes and adds up the numbers of the chunks: reading more of them would make a sink work where it is to wait. */
class Tally {
  #bytes = 0;
  #sum = 0;

  add(chunk: Uint8Array): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const first = (numberedBytes - (this.#bytes % numberedBytes)) % numberedBytes;
    for (let at = first; at + 4 <= chunk.byteLength; at += numberedBytes)
      this.#sum = (Math.imul(this.#sum, 31) + view.getUint32(at)) >>> 0;
    this.#bytes += chunk.byteLength;
  }

  get bytes(): number {
    return this.#bytes;
  }

  toString(): string {
    return `${this.#bytes} bytes, ${this.#sum}`;
  }
}

/** @param bytesPerSecond what it takes at most */
export async function pacedSink(name: string, bytesPerSecond: number): Promise<PacedSink> {
  const { createBackend, OmniError } = await import("@omni/core");
  let seen = "";

  const take = async (path: string, body: DriverBody): Promise<ObjectInfo> => {
    const tally = new Tally();
    const pay = bucket(bytesPerSecond);
    for await (const chunk of body instanceof Uint8Array ? [body] : body) {
      tally.add(chunk);
      await pay(chunk.byteLength);
    }
    await pay(0, true);
    seen = String(tally);
    return { path, size: tally.bytes, modifiedAt: new Date() };
  };
  const keepsNothing = async (path: string): Promise<never> => {
    throw new OmniError("NOT_FOUND", { path, reason: "a paced sink keeps nothing" });
  };
  const driver: StorageDriver = {
    scheme: "paced",
    identity: `paced:${name}`,
    features: { canStream: true, stagedWrite: "process" },
    read: keepsNothing,
    stat: keepsNothing,
    write: take,
    async stage(path, body) {
      const info = await take(path, body);
      return { token: name, state: "staged", commit: async () => info, discard: async () => undefined };
    },
    delete: async () => undefined,
    async *list() {},
  };
  return { backend: createBackend(driver), seen: () => seen };
}
