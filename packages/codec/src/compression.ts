import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { explained } from "./errors.ts";
import { type CompressionOptions, type Encoding, levelOf } from "./options.ts";
import type { ByteTransform } from "./transform.ts";
import { wholeFrames } from "./zstd-frames.ts";

/** Compresses to gzip (RFC 1952). @throws OmniError INVALID_ARGUMENT for a level out of range */
export function gzip(options: CompressionOptions = {}): ByteTransform {
  return encoder("gzip", options);
}

/** Compresses to Zstandard (RFC 8878). @throws OmniError INVALID_ARGUMENT for a level out of range */
export function zstd(options: CompressionOptions = {}): ByteTransform {
  return encoder("zstd", options);
}

/** Expands gzip, also of several members. Damaged or cut data ends in an error. */
export function gunzip(): ByteTransform {
  return decoder("gzip");
}

/** Expands Zstandard, also of several frames. Damaged or cut data ends in an error. */
export function unzstd(): ByteTransform {
  return decoder("zstd");
}

/** Compresses a stream. */
export function encoder(encoding: Encoding, options: CompressionOptions): ByteTransform {
  const level = levelOf(encoding, options);
  return (source) =>
    through(source, () =>
      encoding === "gzip" ? zlib.createGzip({ level }) : zlib.createZstdCompress({ params: zstdParams(level) }),
    );
}

/** Expands a stream. */
export function decoder(encoding: Encoding): ByteTransform {
  if (encoding === "gzip") return (source) => through(source, () => zlib.createGunzip());
  return (source) => through(wholeFrames(source), () => zlib.createZstdDecompress());
}

const gzipBytes = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip);
const zstdBytes = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);

/** Compresses what is all there, off the main thread and without a stream. */
export function encodeBytes(encoding: Encoding, bytes: Uint8Array, options: CompressionOptions): Promise<Uint8Array> {
  const level = levelOf(encoding, options);
  return encoding === "gzip" ? gzipBytes(bytes, { level }) : zstdBytes(bytes, { params: zstdParams(level) });
}

function zstdParams(level: number): Record<number, number> {
  // The checksum of a frame is what tells damaged content from good; without it only the frame's structure is checked.
  return { [zlib.constants.ZSTD_c_compressionLevel]: level, [zlib.constants.ZSTD_c_checksumFlag]: 1 };
}

/** A stream of zlib: `bytesWritten` is how much of its input it has used. */
type Engine = Duplex & { readonly bytesWritten: number };

/**
 * Passes a source through an engine. An expanding engine ends with its frame, whatever follows in the same chunk: then the next engine takes the
 * rest. (Node reads a second zstd frame only when it begins with a chunk, and drops it in silence otherwise.)
 */
async function* through(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  make: () => Engine,
): AsyncGenerator<Uint8Array, void> {
  const feed = new Feed(source);
  let engine = make();
  try {
    for (;;) {
      const feeding = feed.into(engine);
      // An engine that nobody feeds would never end: the feed's error becomes the engine's, and is thrown by the loop.
      feeding.catch((error) => engine.destroy(error));
      for await (const chunk of engine) yield chunk as Uint8Array;
      if (await feeding) return;
      engine.destroy();
      engine = make();
    }
  } catch (error) {
    throw explained(error);
  } finally {
    engine.destroy();
    feed.stop();
  }
}

/** Feeds a source into engines, one after another, as fast as they take it; ends the source when nobody wants more. */
class Feed {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #rest: Uint8Array | undefined;
  #over = false;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Whether the source is at its end; else the engine was, and the rest of its last chunk is kept for the next. */
  async into(engine: Engine): Promise<boolean> {
    for (;;) {
      const chunk = this.#rest ?? (await this.#next());
      if (this.#over) return true;
      if (!chunk) {
        this.#over = true;
        engine.end();
        return true;
      }
      const before = engine.bytesWritten;
      await written(engine, chunk);
      const used = engine.bytesWritten - before;
      this.#rest = used < chunk.byteLength ? chunk.subarray(used) : undefined;
      if (this.#rest) return false;
    }
  }

  stop(): void {
    if (this.#over) return;
    this.#over = true;
    // Nobody waits for the source's word any more: the stream's own end or error is what counts.
    Promise.resolve(this.#source.return?.()).catch(() => {});
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const step = await this.#source.next();
      return step.done ? undefined : step.value;
    } catch (error) {
      this.#over = true;
      throw error;
    }
  }
}

/** Resolves when the engine has used the chunk. */
function written(engine: Engine, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
