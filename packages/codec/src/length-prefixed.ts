import { badData, badRecord } from "./errors.ts";
import { encoderOf, type RecordFormat } from "./records.ts";

/** How length-prefixed records are written and read. */
export interface LengthPrefixedOptions {
  /** Longest record, in bytes, below 2^32. A longer one is refused; a longer prefix is damaged data. @default 67108864 (64 MiB) */
  readonly maxRecordBytes?: number | undefined;
}

const PREFIX_BYTES = 4;
const FORMAT = "length-prefixed";

/** Records of any bytes, each behind its length: four bytes, unsigned, big-endian. */
export function lengthPrefixed({ maxRecordBytes = 64 * 1024 * 1024 }: LengthPrefixedOptions = {}): RecordFormat<Uint8Array> {
  const encodeRecord = (record: Uint8Array, number: number): Uint8Array => {
    if (!(record instanceof Uint8Array)) throw badRecord(FORMAT, number, "is no Uint8Array");
    if (record.byteLength > maxRecordBytes)
      throw badRecord(FORMAT, number, `has ${record.byteLength} bytes, the most is maxRecordBytes = ${maxRecordBytes}`);
    const framed = Buffer.allocUnsafe(PREFIX_BYTES + record.byteLength);
    framed.writeUInt32BE(record.byteLength);
    framed.set(record, PREFIX_BYTES);
    return framed;
  };
  return {
    name: FORMAT,
    contentType: "application/octet-stream",
    encodeRecord,
    frame: (record, number) => encodeRecord(typeof record === "string" ? Buffer.from(record) : record, number),
    encode: encoderOf(encodeRecord),
    decode: async function* decode(source) {
      const frames = new Frames(maxRecordBytes);
      for await (const chunk of source) yield* frames.push(chunk);
      frames.end();
    },
  };
}

/** Cuts chunks into records. */
class Frames {
  readonly #maxRecordBytes: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #number = 0;
  /** Bytes of the record that has not ended; `undefined` before its prefix is whole. */
  #length: number | undefined;

  constructor(maxRecordBytes: number) {
    this.#maxRecordBytes = maxRecordBytes;
  }

  *push(chunk: Uint8Array): Generator<Uint8Array, void> {
    this.#parts.push(chunk);
    this.#bytes += chunk.byteLength;
    for (let needed = this.#needed(); this.#bytes >= needed; needed = this.#needed()) {
      const taken = this.#take(needed);
      if (this.#length === undefined) this.#begin(taken);
      else {
        this.#length = undefined;
        yield taken;
      }
    }
  }

  end(): void {
    if (this.#bytes === 0 && this.#length === undefined) return;
    const number = this.#number + (this.#length === undefined ? 1 : 0);
    const whole = this.#length === undefined ? "its length" : `${this.#length} bytes`;
    throw badData(FORMAT, `record ${number}`, `is cut off: ${this.#bytes} bytes of ${whole} are there`);
  }

  #needed(): number {
    return this.#length ?? PREFIX_BYTES;
  }

  #begin(prefix: Uint8Array): void {
    this.#number++;
    this.#length = Buffer.from(prefix.buffer, prefix.byteOffset, PREFIX_BYTES).readUInt32BE();
    if (this.#length > this.#maxRecordBytes)
      throw badData(
        FORMAT,
        `record ${this.#number}`,
        `claims ${this.#length} bytes, the most is maxRecordBytes = ${this.#maxRecordBytes}`,
      );
  }

  #take(length: number): Uint8Array {
    let first = this.#parts[0] ?? new Uint8Array(0);
    if (first.byteLength < length) {
      first = Buffer.concat(this.#parts);
      this.#parts = [first];
    }
    const taken = first.subarray(0, length);
    if (first.byteLength === length) this.#parts.shift();
    else this.#parts[0] = first.subarray(length);
    this.#bytes -= length;
    return taken;
  }
}
