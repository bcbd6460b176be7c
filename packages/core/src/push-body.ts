/** Bytes that wait between a pushing writer and a pulling driver before `push` asks its caller to wait. */
export const PUSH_WINDOW_BYTES: number = 256 * 1024;

const ROOM: Promise<void> = Promise.resolve();
const TAKEN = new Uint8Array();

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** A body that is pushed into on one side and pulled from on the other. Written by hand: cheaper per chunk than an async generator. */
export class PushBody implements AsyncIterableIterator<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #next = 0;
  #bytes = 0;
  #ended = false;
  #failed: { readonly reason: unknown } | undefined;
  #puller: Waiter<IteratorResult<Uint8Array, undefined>> | undefined;
  #pusher: (Waiter<void> & { readonly promise: Promise<void> }) | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Hands over a chunk; resolves when more may be sent, rejects when the body failed. */
  push(chunk: Uint8Array): Promise<void> {
    if (this.#failed) return Promise.reject(this.#failed.reason);
    if (chunk.byteLength === 0) return ROOM;
    if (this.#puller) {
      const { resolve } = this.#puller;
      this.#puller = undefined;
      resolve({ done: false, value: chunk });
      return ROOM;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    return this.#bytes < PUSH_WINDOW_BYTES ? ROOM : this.#waitForRoom();
  }

  /** The body is complete. */
  end(): void {
    this.#ended = true;
    this.#puller?.resolve({ done: true, value: undefined });
    this.#puller = undefined;
  }

  /** Ends the body with an error on both sides; what waits is dropped. */
  fail(reason: unknown): void {
    if (this.#failed) return;
    this.#failed = { reason };
    this.#chunks = [];
    this.#puller?.reject(reason);
    this.#puller = undefined;
    this.#pusher?.reject(reason);
    this.#pusher = undefined;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#failed) return Promise.reject(this.#failed.reason);
    const value = this.#chunks[this.#next];
    if (value) {
      this.#take(value);
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#puller = { resolve, reject };
    });
  }

  #take(value: Uint8Array): void {
    // A body that never runs empty would keep what was taken: up to 1,024 chunks, of any size.
    this.#chunks[this.#next++] = TAKEN;
    this.#bytes -= value.byteLength;
    if (this.#next === this.#chunks.length) {
      this.#chunks = [];
      this.#next = 0;
    } else if (this.#next === 1024) {
      this.#chunks = this.#chunks.slice(1024);
      this.#next = 0;
    }
    // Woken when half empty, not at every chunk.
    if (this.#pusher && this.#bytes <= PUSH_WINDOW_BYTES / 2) {
      this.#pusher.resolve();
      this.#pusher = undefined;
    }
  }

  #waitForRoom(): Promise<void> {
    if (!this.#pusher) {
      let waiter: Waiter<void> | undefined;
      const promise = new Promise<void>((resolve, reject) => {
        waiter = { resolve, reject };
      });
      // A writer that does not await its writes learns of the failure from close().
      promise.catch(() => {});
      this.#pusher = { ...(waiter as unknown as Waiter<void>), promise };
    }
    return this.#pusher.promise;
  }
}
