import { OmniError } from "@omni/core";
import { badData, badRecord } from "./errors.ts";
import { encoderOf, type RecordFormat } from "./records.ts";

/** How NDJSON is written and read. */
export interface NdjsonOptions<T> {
  /** The JSON of a record, on one line. @default JSON.stringify */
  readonly stringify?: ((record: T) => string | undefined) | undefined;
  /** The record of a line: the place to check what it is. @default JSON.parse */
  readonly parse?: ((line: string) => T) | undefined;
  /** Longest line to read, in bytes. @default none: any length that memory holds */
  readonly maxLineBytes?: number | undefined;
}

const NEWLINE = 10;

/**
 * One JSON text per line (ndjson.org). Lines of any length; blank lines, a byte order mark and `\r\n` are read over; the last line needs no end.
 *
 * @example
 * for await (const event of pipe(reader, ndjson<Event>().decode)) handle(event);
 */
export function ndjson<T = unknown>(options: NdjsonOptions<T> = {}): RecordFormat<T> {
  const {
    stringify = JSON.stringify,
    parse = JSON.parse as (line: string) => T,
    maxLineBytes = Number.POSITIVE_INFINITY,
  } = options;
  const encodeRecord = (record: T, number: number): string => {
    let text: string | undefined;
    try {
      text = stringify(record);
    } catch (cause) {
      throw badRecord("ndjson", number, `cannot be written as JSON: ${messageOf(cause)}`, cause);
    }
    if (typeof text !== "string") throw badRecord("ndjson", number, `is ${typeof record}, which JSON does not have`);
    return line(text, number);
  };
  return {
    name: "ndjson",
    contentType: "application/x-ndjson",
    encodeRecord,
    frame: (record, number) => line(typeof record === "string" ? record : Buffer.from(record).toString(), number),
    encode: encoderOf(encodeRecord),
    decode: async function* decode(source) {
      const lines = new Lines(parse, maxLineBytes);
      for await (const chunk of source) yield* lines.push(chunk);
      yield* lines.end();
    },
  };
}

function line(text: string, number: number): string {
  if (text.includes("\n"))
    throw badRecord("ndjson", number, "has a line break in its JSON, which would make it two lines; write it without");
  return `${text}\n`;
}

/** Cuts chunks into lines and lines into records. */
class Lines<T> {
  readonly #parse: (line: string) => T;
  readonly #maxLineBytes: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** The line that has not ended. */
  #open: Uint8Array[] = [];
  #openBytes = 0;
  #number = 0;

  constructor(parse: (line: string) => T, maxLineBytes: number) {
    this.#parse = parse;
    this.#maxLineBytes = maxLineBytes;
  }

  *push(chunk: Uint8Array): Generator<T, void> {
    const first = chunk.indexOf(NEWLINE);
    if (first === -1) return this.#keep(chunk);
    if (this.#open.length > 0) {
      this.#keep(chunk.subarray(0, first));
      yield* this.#records(this.#takeOpen());
      chunk = chunk.subarray(first + 1);
    }
    const last = chunk.lastIndexOf(NEWLINE);
    // Whole lines are decoded together: once for a chunk, not once for a line.
    if (last !== -1) yield* this.#records(chunk.subarray(0, last));
    this.#keep(chunk.subarray(last + 1));
  }

  *end(): Generator<T, void> {
    if (this.#open.length > 0) yield* this.#records(this.#takeOpen());
  }

  #keep(part: Uint8Array): void {
    if (part.byteLength === 0) return;
    this.#open.push(part);
    this.#openBytes += part.byteLength;
    this.#checkLength(this.#openBytes);
  }

  #takeOpen(): Uint8Array {
    const parts = this.#open;
    this.#open = [];
    this.#openBytes = 0;
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  *#records(bytes: Uint8Array): Generator<T, void> {
    for (const text of this.#decode(bytes).split("\n")) {
      this.#number++;
      if (this.#maxLineBytes !== Number.POSITIVE_INFINITY) this.#checkLength(Buffer.byteLength(text));
      const json = this.#number === 1 && text.startsWith("\ufeff") ? text.slice(1) : text;
      if (json.trim() === "") continue;
      let record: T;
      try {
        record = this.#parse(json);
      } catch (cause) {
        throw badData("ndjson", `line ${this.#number}`, `cannot be read: ${messageOf(cause)}`, cause);
      }
      yield record;
    }
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes);
    } catch (cause) {
      throw badData("ndjson", `line ${this.#number + this.#lineOfDamage(bytes)}`, "is not UTF-8", cause);
    }
  }

  /** Which of the lines is not UTF-8, from 1. */
  #lineOfDamage(bytes: Uint8Array): number {
    let number = 1;
    for (let start = 0; start <= bytes.byteLength; number++) {
      const next = bytes.indexOf(NEWLINE, start);
      const end = next === -1 ? bytes.byteLength : next;
      if (!isUtf8(this.#decoder, bytes.subarray(start, end))) return number;
      start = end + 1;
    }
    return number;
  }

  #checkLength(bytes: number): void {
    if (bytes <= this.#maxLineBytes) return;
    const number = this.#number + (this.#openBytes > 0 ? 1 : 0);
    throw new OmniError("TOO_LARGE", { reason: `ndjson: line ${number} is longer than maxLineBytes = ${this.#maxLineBytes}` });
  }
}

function isUtf8(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    // The exception carries nothing but this answer.
    return false;
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error || (typeof cause === "object" && cause !== null && "message" in cause)
    ? String((cause as Error).message)
    : String(cause);
}
