/** Where a broker keeps a message. */
export interface Position {
  /** Stream of the broker, where it has streams. */
  readonly stream?: string | undefined;
  /** Partition, where the broker has partitions. */
  readonly partition?: number | undefined;
  /** Sequence number or offset in decimal: 64 bits do not fit a number. */
  readonly sequence: string;
}

/** A message as an application receives it. Its bytes are shared with whoever else receives it in this process: read them, never change them. */
export interface Message {
  /** Identity, the same on every broker and in every retry. */
  readonly id: string;
  /** Logical topic. */
  readonly topic: string;
  /** Messages of one key keep their order. */
  readonly key?: string | undefined;
  /** Who produced the message. */
  readonly source?: string | undefined;
  readonly data: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
  /** When the producer made the message: milliseconds since the epoch. */
  readonly timestamp: number;
  /** Where the broker keeps it; absent before it was published, and where the broker has no positions. */
  readonly position?: Position | undefined;
  /** The data as UTF-8 text. */
  text(): string;
  /** The data parsed as JSON. @throws OmniError INVALID_ARGUMENT when it is not JSON */
  json<T = unknown>(): T;
}

/** What `publish` takes: a {@link Message}, or its parts. */
export interface MessageInput {
  /** Give the same id again to retry a publish whose outcome is unknown. 1 to 256 characters. @default a new UUIDv7 */
  readonly id?: string | undefined;
  /** @default the queue's `topic` */
  readonly topic?: string | undefined;
  /** Messages of one key keep their order. @default none */
  readonly key?: string | undefined;
  /** Who produced the message. @default the queue's `source` */
  readonly source?: string | undefined;
  /** Strings are sent as UTF-8. The bytes belong to the library from the call on: they are not copied. @default empty */
  readonly data?: string | Uint8Array | ArrayBuffer | undefined;
  /** Text that travels with the message. `traceparent` and `tracestate` are those of W3C Trace Context. @default {} */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds since the epoch. @default now */
  readonly timestamp?: number | undefined;
}
