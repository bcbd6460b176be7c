/**
 * Where HTTP/1.1 messages begin and end (RFC 9112, sections 2 and 6), without changing a byte: signatures cover the header lines as they
 * were sent, so nothing is parsed and written anew.
 */

/** Bytes taken from a socket piece by piece; what was read too far is put back. */
export class ByteSource {
  readonly #iterator: AsyncIterator<Buffer>;
  #kept: Buffer | undefined;

  constructor(source: AsyncIterable<Buffer>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** The next bytes; undefined at the end. A connection that broke has ended too: whoever reads cannot tell what was to come. */
  async read(): Promise<Buffer | undefined> {
    const kept = this.#kept;
    if (kept) {
      this.#kept = undefined;
      return kept;
    }
    try {
      const result = await this.#iterator.next();
      return result.done ? undefined : result.value;
    } catch {
      return undefined;
    }
  }

  putBack(bytes: Buffer): void {
    if (bytes.length > 0) this.#kept = this.#kept ? Buffer.concat([bytes, this.#kept]) : bytes;
  }
}

export interface Head {
  /** All bytes up to and with the empty line. */
  readonly raw: Buffer;
  /** The three words of the first line: method, target, version; or version, status, reason. */
  readonly words: readonly [string, string, string];
  /** Lower-case names; repeated ones joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
}

const headLimit = 256 * 1024;
const headEnd = Buffer.from("\r\n\r\n");

/** Reads one head; undefined when the connection ends first. */
export async function readHead(source: ByteSource): Promise<Head | undefined> {
  let raw: Buffer = Buffer.alloc(0);
  for (;;) {
    const piece = await source.read();
    if (!piece) return undefined;
    raw = raw.length === 0 ? piece : Buffer.concat([raw, piece]);
    const end = raw.indexOf(headEnd);
    if (end >= 0) {
      source.putBack(raw.subarray(end + 4));
      return parseHead(raw.subarray(0, end + 4));
    }
    if (raw.length > headLimit) throw new Error(`an HTTP head of more than ${headLimit} bytes`);
  }
}

function parseHead(raw: Buffer): Head {
  const [first = "", ...lines] = raw.toString("latin1").split("\r\n");
  const [one = "", two = "", ...rest] = first.split(" ");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { raw, words: [one, two, rest.join(" ")], headers };
}

export type Framing = { readonly by: "length"; readonly bytes: number } | { readonly by: "chunks" } | { readonly by: "close" };

const none: Framing = { by: "length", bytes: 0 };

export function requestFraming(head: Head): Framing {
  if (isChunked(head)) return { by: "chunks" };
  return { by: "length", bytes: length(head) ?? 0 };
}

/** An answer to HEAD, 1xx, 204 and 304 have no body whatever their headers say. */
export function responseFraming(head: Head, method: string): Framing {
  const status = Number(head.words[1]);
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return none;
  if (isChunked(head)) return { by: "chunks" };
  const bytes = length(head);
  return bytes === undefined ? { by: "close" } : { by: "length", bytes };
}

function isChunked(head: Head): boolean {
  return /\bchunked$/i.test(head.headers.get("transfer-encoding") ?? "");
}

function length(head: Head): number | undefined {
  const text = head.headers.get("content-length");
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`content-length "${text}" is not a number`);
  return Number(text);
}

/** True when the connection serves another request after this message. */
export function keepsAlive(head: Head): boolean {
  const connection = (head.headers.get("connection") ?? "").toLowerCase();
  return !connection.includes("close") && !(head.raw.includes("HTTP/1.0") && !connection.includes("keep-alive"));
}

/** The body's bytes as they are on the wire; ends with the body. @throws Error when the connection ends before the body does */
export async function* readBody(source: ByteSource, framing: Framing): AsyncGenerator<Buffer, void, undefined> {
  if (framing.by === "length") yield* readExactly(source, framing.bytes);
  else if (framing.by === "chunks") yield* readChunks(source);
  else for (let piece = await source.read(); piece; piece = await source.read()) yield piece;
}

async function* readExactly(source: ByteSource, bytes: number): AsyncGenerator<Buffer, void, undefined> {
  for (let left = bytes; left > 0; ) {
    const piece = await source.read();
    if (!piece) throw new Error(`the connection ended ${left} bytes before the end of the body`);
    source.putBack(piece.subarray(left));
    const part = piece.subarray(0, left);
    left -= part.length;
    yield part;
  }
}

async function* readChunks(source: ByteSource): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    const line = await readLine(source);
    yield line;
    const size = Number.parseInt(line.toString("latin1"), 16);
    if (!(size >= 0)) throw new Error(`a chunk size "${line.toString("latin1").trim()}" is not a number`);
    if (size === 0) break;
    yield* readExactly(source, size + 2); // the line end belongs to the chunk
  }
  for (;;) {
    const trailer = await readLine(source);
    yield trailer;
    if (trailer.length === 2) return;
  }
}

async function readLine(source: ByteSource): Promise<Buffer> {
  let line: Buffer = Buffer.alloc(0);
  for (;;) {
    const piece = await source.read();
    if (!piece) throw new Error("the connection ended within a chunked body");
    line = line.length === 0 ? piece : Buffer.concat([line, piece]);
    const end = line.indexOf("\r\n");
    if (end >= 0) {
      source.putBack(line.subarray(end + 2));
      return line.subarray(0, end + 2);
    }
    if (line.length > headLimit) throw new Error("a line of a chunked body has no end");
  }
}
