import { OmniError, quote } from "../error.ts";

/** Headers that Omni writes itself. All names are lower-case ASCII, and are compared as written. */
export const HEADER = {
  /** Identity of the message. */
  id: "omni-id",
  /** Who produced it. */
  source: "omni-source",
  /** Ordering key. */
  key: "omni-key",
  /** When the producer made it: milliseconds since the epoch, decimal. */
  time: "omni-time",
  /** `json` when the body is the JSON envelope. */
  form: "omni-form",
  /** Metadata whose names cannot be header names, as a JSON object. */
  metadata: "omni-metadata",
} as const;

const OWN: ReadonlySet<string> = new Set(Object.values(HEADER));

// A token of RFC 9110, without the `*` that marks an encoded value.
const TOKEN = /^[A-Za-z0-9!#$%&'+\-.^_`|~]{1,128}$/;
// Printable ASCII without blanks at the ends, which some brokers trim.
const PLAIN = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;
const EXTENDED = "UTF-8''";
// What the dedupe of NATS goes by stands on every message there.
const MESSAGE_ID = "Nats-Msg-Id";

/** Names that a broker, or an object of JavaScript, gives a meaning of its own. */
function isReserved(name: string): boolean {
  const lower = name.toLowerCase();
  return OWN.has(lower) || lower.startsWith("nats-") || lower === "__proto__";
}

/**
 * Adds a header. A value that is not plain ASCII travels as `name*: UTF-8''percent-encoded`, the form of RFC 8187: brokers differ in which
 * characters they keep.
 */
export function putHeader(headers: Record<string, string>, name: string, value: string): void {
  if (PLAIN.test(value) && value !== "") headers[name] = value;
  else headers[`${name}*`] = EXTENDED + encode(value);
}

/** Adds metadata: as headers where the names allow it, the rest in {@link HEADER.metadata}. Every record of strings comes back the same. */
export function putMetadata(headers: Record<string, string>, metadata: Readonly<Record<string, string>>): void {
  let others: Map<string, string> | undefined;
  for (const [name, value] of Object.entries(metadata)) {
    if (TOKEN.test(name) && !isReserved(name)) {
      putHeader(headers, name, value);
    } else {
      others ??= new Map();
      others.set(name, value);
    }
  }
  if (others) headers[`${HEADER.metadata}*`] = EXTENDED + encode(JSON.stringify(Object.fromEntries(others)));
}

/** What the headers of a message say. */
export interface HeaderFields {
  id: string | undefined;
  key: string | undefined;
  source: string | undefined;
  time: string | undefined;
  form: string | undefined;
  /** Everything that is not Omni's own; broker headers (`Nats-...`) are left out. Frozen. */
  metadata: Readonly<Record<string, string>>;
}

/** Reads all headers in one pass: a consumer does it for every message. An encoded value (`name*`) counts before a plain one. */
export function readHeaders(headers: Readonly<Record<string, string>>): HeaderFields {
  const metadata: Record<string, string> = {};
  const fields: HeaderFields = {
    id: headers[HEADER.id],
    key: headers[HEADER.key],
    source: headers[HEADER.source],
    time: headers[HEADER.time],
    form: headers[HEADER.form],
    metadata,
  };
  let others: string | undefined;
  for (const written in headers) {
    if (isPlainOwn(written)) continue;
    const value = headers[written] as string;
    const extended = written.endsWith("*");
    const name = extended ? written.slice(0, -1) : written;
    if (name === HEADER.metadata) others = extended || others === undefined ? decodedIf(extended, value) : others;
    else if (extended && OWN.has(name)) setOwn(fields, name, decode(value));
    else if (!isReserved(name)) assign(metadata, name, decodedIf(extended, value));
  }
  if (others !== undefined) for (const [name, value] of Object.entries(parseRecord(others))) assign(metadata, name, value);
  Object.freeze(metadata);
  return fields;
}

// Of the usual message nothing is left after these.
function isPlainOwn(written: string): boolean {
  return (
    written === HEADER.id ||
    written === HEADER.time ||
    written === HEADER.key ||
    written === HEADER.source ||
    written === MESSAGE_ID
  );
}

function setOwn(fields: HeaderFields, name: string, value: string): void {
  if (name === HEADER.id) fields.id = value;
  else if (name === HEADER.key) fields.key = value;
  else if (name === HEADER.source) fields.source = value;
  else if (name === HEADER.time) fields.time = value;
}

function decodedIf(extended: boolean, value: string): string {
  return extended ? decode(value) : value;
}

// `__proto__` is a name like any other.
function assign(record: Record<string, string>, name: string, value: string): void {
  if (name === "__proto__") Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  else record[name] = value;
}

function parseRecord(text: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return {};
    return Object.fromEntries(Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    // A foreign producer's header: not ours to understand.
    return {};
  }
}

function encode(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch (cause) {
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `${quote(value)} has half of a surrogate pair and is no text`,
      outcome: "not-applied",
      cause,
    });
  }
}

function decode(value: string): string {
  if (!value.startsWith(EXTENDED)) return value;
  try {
    return decodeURIComponent(value.slice(EXTENDED.length));
  } catch {
    // Not what Omni wrote: given as it stands.
    return value;
  }
}
