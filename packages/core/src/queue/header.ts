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

/** A header's value, decoded; `undefined` when it is not there. */
export function getHeader(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  const extended = headers[`${name}*`];
  return extended === undefined ? headers[name] : decode(extended);
}

/** The metadata among headers: everything that is not Omni's own. Broker headers (`Nats-...`) are left out. */
export function takeMetadata(headers: Readonly<Record<string, string>>): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [written, value] of Object.entries(headers)) {
    const extended = written.endsWith("*");
    const name = extended ? written.slice(0, -1) : written;
    if (!isReserved(name)) assign(metadata, name, extended ? decode(value) : value);
  }
  const others = getHeader(headers, HEADER.metadata);
  if (others !== undefined) for (const [name, value] of Object.entries(parseRecord(others))) assign(metadata, name, value);
  return metadata;
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
