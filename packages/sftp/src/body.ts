import { countPassingBytes, type DriverBody } from "@omni/core";
import { hasStatus, STATUS } from "./errors.ts";
import type { Lease } from "./pool.ts";
import type { Session } from "./session.ts";
import { abortable } from "./waiting.ts";

// Bytes under way at once: a round trip of 20 ms at 50 MB/s.
const WINDOW_BYTES = 1024 * 1024;

/** Writes a body into an open file, several requests under way; a slow server slows the source. @returns the bytes written */
export async function writeBody(
  session: Session,
  handle: Buffer,
  body: DriverBody,
  signal: AbortSignal | undefined,
): Promise<number> {
  const writer = new PipelinedWriter(session, handle);
  try {
    if (body instanceof Uint8Array) await writer.take(body);
    else
      for await (const chunk of body) {
        signal?.throwIfAborted();
        await writer.take(chunk);
      }
    await writer.finish();
    return writer.position;
  } catch (error) {
    // The handle must not be closed under requests that are still under way.
    await writer.settle();
    throw error;
  }
}

class PipelinedWriter {
  position = 0;
  readonly #session: Session;
  readonly #handle: Buffer;
  readonly #underWay = new Set<Promise<void>>();
  #bytesUnderWay = 0;
  #gathered: Buffer | undefined;
  // Buffers whose bytes were answered for: made anew for every request, they would pile up between two collections.
  readonly #free: Buffer[] = [];
  #filled = 0;
  #failed: { readonly error: unknown } | undefined;

  constructor(session: Session, handle: Buffer) {
    this.#session = session;
    this.#handle = handle;
  }

  async take(chunk: Uint8Array): Promise<void> {
    const { chunkBytes } = this.#session;
    for (let at = 0; at < chunk.byteLength; ) {
      if (this.#filled === 0 && chunk.byteLength - at >= chunkBytes) {
        await this.#send(viewOf(chunk, at, at + chunkBytes));
        at += chunkBytes;
        continue;
      }
      this.#gathered ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
      const room = Math.min(chunkBytes - this.#filled, chunk.byteLength - at);
      this.#gathered.set(chunk.subarray(at, at + room), this.#filled);
      this.#filled += room;
      at += room;
      if (this.#filled === chunkBytes) await this.#flush();
    }
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.settle();
    if (this.#failed) throw this.#failed.error;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #flush(): Promise<void> {
    if (this.#filled === 0) return;
    const buffer = this.#gathered as Buffer;
    const bytes = buffer.subarray(0, this.#filled);
    // ssh2 may keep what it is given until the answer comes.
    this.#gathered = undefined;
    this.#filled = 0;
    await this.#send(bytes, buffer);
  }

  /** @param own the buffer to use again afterwards */
  async #send(bytes: Buffer, own?: Buffer): Promise<void> {
    while (this.#bytesUnderWay >= WINDOW_BYTES && !this.#failed) await Promise.race(this.#underWay);
    if (this.#failed) throw this.#failed.error;
    // ssh2 makes a packet of them, and another one that is encrypted.
    countPassingBytes(2 * bytes.byteLength);
    const sent = this.#session
      .write(this.#handle, bytes, this.position)
      .catch((error) => {
        this.#failed ??= { error };
      })
      .finally(() => {
        this.#underWay.delete(sent);
        this.#bytesUnderWay -= bytes.byteLength;
        if (own) this.#free.push(own);
      });
    this.#underWay.add(sent);
    this.#bytesUnderWay += bytes.byteLength;
    this.position += bytes.byteLength;
  }
}

function viewOf(bytes: Uint8Array, from: number, to: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
}

interface Piece {
  readonly position: number;
  readonly bytes: number;
  readonly data: Promise<Buffer>;
}

/** The bytes of an open file from one place on, read ahead. By hand: it closes the handle also when it is left unread. */
export class SftpBody implements AsyncIterableIterator<Uint8Array> {
  readonly #lease: Lease;
  readonly #handle: Buffer;
  readonly #signal: AbortSignal | undefined;
  readonly #end: number;
  readonly #ahead: Piece[] = [];
  #position: number;
  #bytesAhead = 0;
  #isClosed = false;

  constructor(lease: Lease, handle: Buffer, position: number, bytes: number, signal: AbortSignal | undefined) {
    this.#lease = lease;
    this.#handle = handle;
    this.#position = position;
    this.#end = position + bytes;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#isClosed) return { done: true, value: undefined };
    try {
      this.#signal?.throwIfAborted();
      this.#askAhead();
      const piece = this.#ahead.shift();
      if (piece) {
        const data = await abortable(piece.data, this.#signal);
        this.#bytesAhead -= piece.bytes;
        // Fewer bytes than asked for: the rest comes first. None: another program has cut the file short.
        if (data.byteLength > 0) {
          countPassingBytes(2 * data.byteLength);
          if (data.byteLength < piece.bytes) this.#askRest(piece, data.byteLength);
          return { done: false, value: data };
        }
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    return this.return();
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      // Nobody waits for it; when the connection is lost the server closes the file.
      this.#lease.session.closeHandle(this.#handle).catch(() => {});
      this.#lease.release();
    }
    return { done: true, value: undefined };
  }

  #askAhead(): void {
    const { chunkBytes } = this.#lease.session;
    while (this.#position < this.#end && this.#bytesAhead < WINDOW_BYTES) {
      const bytes = Math.min(chunkBytes, this.#end - this.#position);
      this.#ahead.push(this.#ask(this.#position, bytes));
      this.#position += bytes;
    }
  }

  #askRest({ position, bytes }: Piece, got: number): void {
    this.#ahead.unshift(this.#ask(position + got, bytes - got));
  }

  #ask(position: number, bytes: number): Piece {
    this.#bytesAhead += bytes;
    const data = this.#lease.session.read(this.#handle, position, bytes).catch((error) => {
      if (hasStatus(error, STATUS.EOF)) return Buffer.alloc(0);
      throw error;
    });
    data.catch(() => {}); // thrown where it is awaited
    return { position, bytes, data };
  }
}
