import { type Backend, extend, type ObjectInfo, type ObjectWriter, type ReadOptions, type WriteOptions } from "@omni/core";
import { Batch, type RecordFormat } from "./records.ts";

/** Writes an object record by record. */
export interface RecordWriter<T> extends AsyncDisposable {
  /** Takes a record; resolves when more may be sent. @throws OmniError INVALID_ARGUMENT for a record that the format cannot hold */
  write(record: T): Promise<void>;
  /** Takes a record that is encoded already. @throws OmniError INVALID_ARGUMENT when it would not be read back as one record */
  writeRaw(record: Uint8Array | string): Promise<void>;
  /** Commits and gives the object's info. */
  close(): Promise<ObjectInfo>;
  /** Discards. */
  abort(reason?: unknown): Promise<void>;
}

/** What `withRecords` adds to a backend. */
export interface RecordMethods<T> {
  /** Writes an object of records; the source's error, or a record that cannot be written, publishes nothing. */
  writeRecords(path: string, records: AsyncIterable<T> | Iterable<T>, options?: WriteOptions): Promise<ObjectInfo>;
  /** Opens a writer of records; leaving without `close()` discards. */
  createRecordWriter(path: string, options?: WriteOptions): RecordWriter<T>;
  /** The records of an object, one by one; leaving the loop lets go of the object. Errors of damaged data name the line or record. */
  records<R extends T = T>(path: string, options?: ReadOptions): AsyncIterable<R>;
}

/**
 * Adds records to a backend. On a live backend (a channel) each record of a writer is one message.
 *
 * @param format `ndjson()` or `lengthPrefixed()`
 */
export function withRecords<B extends Backend, T>(backend: B, format: RecordFormat<T>): B & RecordMethods<T> {
  const typed = (options: WriteOptions = {}): WriteOptions =>
    backend.features.contentHeaders && options.contentType === undefined
      ? { ...options, contentType: format.contentType }
      : options;
  const methods: RecordMethods<T> = {
    writeRecords: (path, records, options) => backend.write(path, format.encode(records), typed(options)),
    createRecordWriter: (path, options) =>
      new BatchingWriter(backend.createWriter(path, typed(options)), format, !backend.features.live),
    async *records<R extends T>(path: string, options?: ReadOptions): AsyncGenerator<R, void> {
      const reader = await backend.read(path, options);
      try {
        yield* format.decode(reader) as AsyncIterable<R>;
      } finally {
        await reader.close();
      }
    },
  };
  return extend(backend, methods);
}

class BatchingWriter<T> implements RecordWriter<T> {
  readonly #writer: ObjectWriter;
  readonly #format: RecordFormat<T>;
  readonly #batch: Batch | undefined;
  #number = 0;

  constructor(writer: ObjectWriter, format: RecordFormat<T>, batches: boolean) {
    this.#writer = writer;
    this.#format = format;
    this.#batch = batches ? new Batch() : undefined;
  }

  async write(record: T): Promise<void> {
    await this.#send(this.#format.encodeRecord(record, this.#number + 1));
  }

  async writeRaw(record: Uint8Array | string): Promise<void> {
    await this.#send(this.#format.frame(record, this.#number + 1));
  }

  async close(): Promise<ObjectInfo> {
    const rest = this.#batch?.take();
    if (rest) await this.#writer.write(rest);
    return this.#writer.close();
  }

  async abort(reason?: unknown): Promise<void> {
    await this.#writer.abort(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  async #send(bytes: Uint8Array | string): Promise<void> {
    this.#number++;
    const chunk = this.#batch ? this.#batch.add(bytes) : bytes;
    if (chunk !== undefined) await this.#writer.write(chunk);
  }
}
