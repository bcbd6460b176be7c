import type { Transform } from "./transform.ts";

/** How records become bytes and bytes records. */
export interface RecordFormat<T = unknown> {
  /** Shown in errors. */
  readonly name: string;
  /** Content type of an object of such records. */
  readonly contentType: string;
  /**
   * The bytes of one record.
   *
   * @param number of the record in its object, from 1
   * @throws OmniError INVALID_ARGUMENT that names the number
   */
  encodeRecord(record: T, number: number): Uint8Array | string;
  /** The bytes of a record that is encoded already. @throws OmniError INVALID_ARGUMENT when it would not be read back as one record */
  frame(record: Uint8Array | string, number: number): Uint8Array | string;
  /** Records to bytes, many in a chunk. */
  readonly encode: Transform<T, Uint8Array>;
  /** Bytes to records, however the bytes are cut into chunks. Ends in an error that names the place of damaged data. */
  readonly decode: Transform<Uint8Array, T>;
}

/** Encoded records are gathered to chunks of about this size. */
const BATCH_BYTES = 64 * 1024;

/** Gathers small pieces to chunks. */
export class Batch {
  #text = "";
  #parts: Uint8Array[] = [];
  #size = 0;

  /** Takes a piece; gives a chunk when there is enough for one. */
  add(piece: Uint8Array | string): Uint8Array | undefined {
    if (typeof piece === "string") this.#text += piece;
    else {
      this.#endText();
      this.#parts.push(piece);
    }
    this.#size += piece.length;
    return this.#size < BATCH_BYTES ? undefined : this.take();
  }

  /** What has been gathered; `undefined` when that is nothing. */
  take(): Uint8Array | undefined {
    this.#endText();
    const parts = this.#parts;
    this.#parts = [];
    this.#size = 0;
    return parts.length <= 1 ? parts[0] : Buffer.concat(parts);
  }

  #endText(): void {
    if (this.#text !== "") this.#parts.push(Buffer.from(this.#text));
    this.#text = "";
  }
}

/** The `encode` of a format. */
export function encoderOf<T>(encodeRecord: RecordFormat<T>["encodeRecord"]): Transform<T, Uint8Array> {
  return async function* encode(source) {
    const batch = new Batch();
    let number = 0;
    for await (const record of source) {
      const chunk = batch.add(encodeRecord(record, ++number));
      if (chunk) yield chunk;
    }
    const rest = batch.take();
    if (rest) yield rest;
  };
}
