import { closeFile, readAt, setTimes, writeAll } from "./file-system.ts";

// Chunks are gathered to about this much per system call, and one call is under way while the next is gathered.
const BATCH_BYTES = 1024 * 1024;

/** Writes a body into an open file, in order; a slow disk slows the source. */
export async function writeBody(
  fd: number,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (body instanceof Uint8Array) return body.byteLength === 0 ? undefined : writeAll(fd, [body]);
  let batch: Uint8Array[] = [];
  let bytes = 0;
  let writing: Promise<void> | undefined;
  try {
    for await (const chunk of body) {
      signal?.throwIfAborted();
      if (chunk.byteLength === 0) continue;
      batch.push(chunk);
      bytes += chunk.byteLength;
      // Waiting for the disk costs the source nothing while the batch is small.
      if (bytes < BATCH_BYTES && batch.length < 512) continue;
      await writing;
      writing = writeAll(fd, batch);
      writing.catch(() => {}); // thrown where it is awaited
      batch = [];
      bytes = 0;
    }
    await writing;
    if (batch.length > 0) await writeAll(fd, batch);
  } catch (error) {
    // The descriptor must not be closed under a write that is still under way.
    await writing?.catch(() => {});
    throw error;
  }
}

/** Gives an open file its modification time and lets the signal have its say, before anything shows. */
export async function finishBody(fd: number, modifiedAt: Date | undefined, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (modifiedAt !== undefined) await setTimes(fd, modifiedAt);
}

// Large enough that the way through the thread pool is lost in it, small enough for many readers at once.
const READ_BYTES = 256 * 1024;

/** The bytes of an open file from one place on, one read ahead. By hand: an async generator costs more per chunk. */
export class FileBody implements AsyncIterableIterator<Uint8Array> {
  readonly #fd: number;
  readonly #signal: AbortSignal | undefined;
  #position: number;
  #left: number;
  #ahead: Promise<Uint8Array> | undefined;
  #closed: Promise<void> | undefined;

  constructor(fd: number, position: number, bytes: number, signal: AbortSignal | undefined) {
    this.#fd = fd;
    this.#position = position;
    this.#left = bytes;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#closed) return { done: true, value: undefined };
    try {
      this.#signal?.throwIfAborted();
      const chunk = await (this.#ahead ?? this.#read());
      if (chunk.byteLength > 0) {
        this.#ahead = this.#left > 0 ? this.#read() : undefined;
        this.#ahead?.catch(() => {}); // thrown where it is awaited
        return { done: false, value: chunk };
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    return this.return();
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#closed ??= this.#close();
    await this.#closed;
    return { done: true, value: undefined };
  }

  async #read(): Promise<Uint8Array> {
    const wanted = Math.min(this.#left, READ_BYTES);
    if (wanted === 0) return new Uint8Array(0);
    const buffer = Buffer.allocUnsafeSlow(wanted);
    const got = await readAt(this.#fd, buffer, this.#position);
    this.#position += got;
    // Another program may have cut the file short.
    this.#left = got === 0 ? 0 : this.#left - got;
    return got === wanted ? buffer : buffer.subarray(0, got);
  }

  async #close(): Promise<void> {
    await this.#ahead?.catch(() => {});
    await closeFile(this.#fd);
  }
}

/** A body of one chunk, or of none. */
export class WholeBody implements AsyncIterableIterator<Uint8Array> {
  #chunk: Uint8Array | undefined;

  constructor(chunk: Uint8Array) {
    this.#chunk = chunk.byteLength > 0 ? chunk : undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const value = this.#chunk;
    this.#chunk = undefined;
    return value ? { done: false, value } : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#chunk = undefined;
    return { done: true, value: undefined };
  }
}
