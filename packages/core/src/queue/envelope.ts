import { isUtf8 } from "node:buffer";
import { OmniError } from "../error.ts";
import type { ReceivedMessage } from "./driver.ts";
import { HEADER, putHeader, putMetadata, readHeaders } from "./header.ts";
import type { Message, Position } from "./message.ts";

/**
 * How a message lies on the wire.
 *
 * - `"binary"`: the body is the data, everything else is headers: `omni-id`, `omni-source`, `omni-key`, `omni-time`, and the metadata under its own
 *   names (`traceparent` among them);
 * - `"json"`: the body is `{ "id", "topic", "key", "source", "timestamp", "metadata", "data" }`, with `dataBase64` instead of `data` for what is
 *   not UTF-8; for consumers that do not know Omni, and for brokers without headers.
 */
export type EnvelopeForm = "binary" | "json";

/** A message as a driver sends it: serialised once, the same bytes and headers for every broker. */
export interface WireMessage extends ReceivedMessage {
  /** Identity: what a broker's dedupe goes by, together with the topic. */
  readonly id: string;
  /** Ordering key: what a broker's partitioning goes by. */
  readonly key: string | undefined;
  /** Producer's time in milliseconds since the epoch. */
  readonly timestamp: number;
  /** Made when first asked for. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A message in this process. */
export class PortableMessage implements Message {
  readonly id: string;
  readonly topic: string;
  readonly key: string | undefined;
  readonly source: string | undefined;
  readonly data: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
  readonly timestamp: number;
  readonly position: Position | undefined;

  constructor(fields: Omit<Message, "text" | "json">) {
    this.id = fields.id;
    this.topic = fields.topic;
    this.key = fields.key;
    this.source = fields.source;
    this.data = fields.data;
    this.metadata = fields.metadata;
    this.timestamp = fields.timestamp;
    this.position = fields.position;
  }

  text(): string {
    return Buffer.from(this.data.buffer, this.data.byteOffset, this.data.byteLength).toString("utf8");
  }

  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text()) as T;
    } catch (cause) {
      throw new OmniError("INVALID_ARGUMENT", { topic: this.topic, reason: `the data of message ${this.id} is not JSON`, cause });
    }
  }
}

// Another copy of core reads the headers instead; both ways give the same message.
const MESSAGE = Symbol.for("@omni/core/queue/message@1");

class Encoded implements WireMessage {
  readonly [MESSAGE]: Message;
  readonly id: string;
  readonly key: string | undefined;
  readonly timestamp: number;
  readonly body: Uint8Array;
  readonly #form: EnvelopeForm;
  #headers: Readonly<Record<string, string>> | undefined;

  constructor(message: Message, form: EnvelopeForm) {
    this[MESSAGE] = message;
    this.id = message.id;
    this.key = message.key;
    this.timestamp = message.timestamp;
    this.body = form === "json" ? toJson(message) : message.data;
    this.#form = form;
  }

  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= makeHeaders(this[MESSAGE], this.#form);
    return this.#headers;
  }
}

/** Serialises a message. The body is not copied in the binary form. */
export function encodeMessage(message: Message, form: EnvelopeForm = "binary"): WireMessage {
  return new Encoded(message, form);
}

/**
 * The message in what a broker delivered. Never throws: what is not an envelope of Omni comes as a message whose data is the whole body and whose
 * id is made of the topic and the position, the same for every delivery.
 *
 * @param topic the logical topic
 * @param form what to take a body without the header `omni-form` for
 */
export function decodeMessage(topic: string, received: ReceivedMessage, form: EnvelopeForm = "binary"): Message {
  if (MESSAGE in received) return delivered((received as Encoded)[MESSAGE], topic);
  const fields = readHeaders(received.headers);
  const json = (fields.form ?? form) === "json" ? fromJson(received.body) : undefined;
  const time = Number(fields.time ?? json?.timestamp ?? Number.NaN);
  const { metadata } = fields;
  return new PortableMessage({
    id: fields.id ?? json?.id ?? foreignId(topic, received),
    topic,
    key: fields.key ?? json?.key ?? received.key,
    source: fields.source ?? json?.source,
    data: json?.data ?? received.body,
    metadata: json ? Object.freeze({ ...json.metadata, ...metadata }) : metadata,
    timestamp: Number.isFinite(time) ? time : (received.timestamp ?? Date.now()),
    position: received.position,
  });
}

/** Bytes of a message: body plus names and values of headers. What counts where the driver has no `sizeOf`. */
export function wireSize(message: WireMessage): number {
  let bytes = message.body.byteLength;
  for (const name in message.headers) bytes += Buffer.byteLength(name) + Buffer.byteLength(message.headers[name] as string);
  return bytes;
}

// The very object that was published: a queue in this process copies nothing.
function delivered(message: Message, topic: string): Message {
  if (message.topic === topic) return message;
  const { id, key, source, data, metadata, timestamp, position } = message;
  return new PortableMessage({ id, topic, key, source, data, metadata, timestamp, position });
}

function makeHeaders(message: Message, form: EnvelopeForm): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  putHeader(headers, HEADER.id, message.id);
  putHeader(headers, HEADER.time, String(message.timestamp));
  if (message.source !== undefined) putHeader(headers, HEADER.source, message.source);
  if (message.key !== undefined) putHeader(headers, HEADER.key, message.key);
  if (form === "json") headers[HEADER.form] = "json";
  putMetadata(headers, message.metadata);
  return Object.freeze(headers);
}

function foreignId(topic: string, received: ReceivedMessage): string {
  const { position } = received;
  if (!position) return `${topic}:${received.timestamp ?? 0}`;
  return [topic, position.stream, position.partition, position.sequence].filter((part) => part !== undefined).join(":");
}

function toJson(message: Message): Uint8Array {
  const { id, topic, key, source, timestamp, metadata, data } = message;
  const content = isUtf8(data) ? { data: message.text() } : { dataBase64: Buffer.from(data).toString("base64") };
  return Buffer.from(JSON.stringify({ id, topic, key, source, timestamp, metadata, ...content }));
}

interface JsonEnvelope {
  readonly id: string | undefined;
  readonly key: string | undefined;
  readonly source: string | undefined;
  readonly timestamp: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
}

function fromJson(body: Uint8Array): JsonEnvelope | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    // Not an envelope: the body is taken for the data.
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || !("data" in parsed || "dataBase64" in parsed)) return undefined;
  const fields = parsed as Readonly<Record<string, unknown>>;
  return {
    id: textIn(fields.id),
    key: textIn(fields.key),
    source: textIn(fields.source),
    timestamp: typeof fields.timestamp === "number" ? fields.timestamp : undefined,
    metadata: metadataIn(fields.metadata),
    data: dataIn(fields),
  };
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function metadataIn(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, typeof item === "string" ? item : JSON.stringify(item)]),
  );
}

function dataIn(fields: Readonly<Record<string, unknown>>): Uint8Array {
  if (typeof fields.dataBase64 === "string") return Buffer.from(fields.dataBase64, "base64");
  const { data } = fields;
  return Buffer.from(typeof data === "string" ? data : JSON.stringify(data));
}
