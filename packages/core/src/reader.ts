import type { Readable } from "node:stream";
import type { ObjectInfo } from "./object-info.ts";

/** An open object: its info and its bytes, which can be taken once. */
export interface ObjectReader extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** The whole object's info, also where a range is read. */
  readonly info: ObjectInfo;
  /** Bytes that the body brings; absent where nobody knows before its end: a live stream, a body that is decoded on the way. */
  readonly sizeBytes?: number | undefined;
  /** All bytes. */
  bytes(): Promise<Uint8Array>;
  /** All bytes as UTF-8. */
  text(): Promise<string>;
  /** All bytes as JSON. @throws SyntaxError */
  json<T = unknown>(): Promise<T>;
  /** A Node stream of the bytes. */
  toNode(): Readable;
  /** A web stream of the bytes. */
  toWeb(): ReadableStream<Uint8Array>;
  /** Lets go of the object; bytes not yet taken are lost. A second call does nothing. */
  close(): Promise<void>;
}
