import { OmniError, type WriteStamp } from "@omni/core";

/*
 * Metadata travels as x-amz-meta-* headers: lower-case names and ASCII values. What does not fit is encoded:
 * - a value with other characters, with spaces at its ends, empty, or that looks encoded: words of RFC 2047, as Amazon S3 itself gives them back
 *   (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html);
 * - entries whose key would not come back as it was (capitals, spaces, ...): one JSON object in the field `omni-packed`, base64url.
 * Fields that begin with `omni-` are the driver's own and never shown as metadata.
 */
const PACKED = "omni-packed";
const NONCE = "omni-nonce";
const WRITE_ID = "omni-write-id";
const COUNTER = "omni-counter";
const MODIFIED_AT = "omni-modified-at";
const OWN = "omni-";

/** What the driver keeps in an object's metadata, beside the user's. */
export interface Fields {
  /** Names the very upload, so that a commit whose answer was lost is recognised. */
  readonly nonce?: string | undefined;
  readonly stamp?: WriteStamp | undefined;
  readonly modifiedAt?: Date | undefined;
}

/**
 * The headers of an object's metadata, without their `x-amz-meta-`.
 *
 * @param plainKey keys that the store gives back as they were
 * @throws OmniError INVALID_ARGUMENT for a key that begins with `omni-`
 */
export function encodeMetadata(
  metadata: Readonly<Record<string, string>> | undefined,
  fields: Fields,
  plainKey: RegExp,
): Record<string, string> {
  const headers: Record<string, string> = {};
  const packed: Record<string, string> = {};
  let isPacked = false;
  for (const [key, value] of Object.entries(metadata ?? {})) {
    if (key.toLowerCase().startsWith(OWN))
      throw new OmniError("INVALID_ARGUMENT", {
        reason: `the metadata key ${JSON.stringify(key)} begins with "${OWN}", which is kept for Omni's own fields; choose another`,
        outcome: "not-applied",
      });
    if (plainKey.test(key)) headers[key] = encodeValue(value);
    else {
      Object.defineProperty(packed, key, { value, enumerable: true });
      isPacked = true;
    }
  }
  if (isPacked) headers[PACKED] = Buffer.from(JSON.stringify(packed)).toString("base64url");
  if (fields.nonce !== undefined) headers[NONCE] = fields.nonce;
  if (fields.stamp !== undefined) headers[WRITE_ID] = encodeValue(fields.stamp.id);
  if (fields.stamp?.counter !== undefined) headers[COUNTER] = String(fields.stamp.counter);
  if (fields.modifiedAt !== undefined) headers[MODIFIED_AT] = String(fields.modifiedAt.getTime());
  return headers;
}

/** The user's metadata and the driver's fields in the headers of an object. */
export function decodeMetadata(
  headers: Readonly<Record<string, string>> | undefined,
): Fields & { readonly metadata: Readonly<Record<string, string>> } {
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(headers ?? {})) if (!key.startsWith(OWN)) metadata[key] = decodeValue(value);
  const packed = headers?.[PACKED];
  if (packed !== undefined) unpack(packed, metadata);
  const id = headers?.[WRITE_ID];
  const counter = headers?.[COUNTER];
  const modified = Number(headers?.[MODIFIED_AT]);
  return {
    metadata,
    nonce: headers?.[NONCE],
    stamp: id === undefined ? undefined : { id: decodeValue(id), ...(counter === undefined ? {} : { counter: Number(counter) }) },
    modifiedAt: headers?.[MODIFIED_AT] === undefined || Number.isNaN(modified) ? undefined : new Date(modified),
  };
}

// What others wrote under the name is shown as it is: a listing or a read does not fail for it.
function unpack(packed: string, into: Record<string, string>): void {
  let entries: unknown;
  try {
    entries = JSON.parse(Buffer.from(packed, "base64url").toString());
  } catch (error) {
    if (error instanceof SyntaxError) into[PACKED] = packed;
    else throw error;
  }
  if (typeof entries !== "object" || entries === null) return;
  for (const [key, value] of Object.entries(entries))
    if (typeof value === "string")
      Object.defineProperty(into, key, { value, enumerable: true, writable: true, configurable: true });
}

const PLAIN_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
// 45 bytes are 60 characters of base64: a word of RFC 2047 has at most 75.
const WORD_BYTES = 45;
const WORD = /=\?([\w-]+)\?([bq])\?([^?]*)\?=/gi;

/** A value as a header carries it. */
export function encodeValue(value: string): string {
  if (PLAIN_VALUE.test(value) && !value.includes("=?")) return value;
  const words: string[] = [];
  let word = "";
  for (const character of value) {
    if (Buffer.byteLength(word) + Buffer.byteLength(character) > WORD_BYTES) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  words.push(word);
  return words.map((text) => `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`).join(" ");
}

/** A value from a header; words that others encoded are understood too. */
export function decodeValue(value: string): string {
  if (!value.includes("=?")) return value;
  return value.replace(/(\?=)\s+(?==\?)/g, "$1").replace(WORD, (whole, charset: string, kind: string, text: string) => {
    if (!/^(utf-8|us-ascii)$/i.test(charset)) return whole;
    if (kind.toLowerCase() === "b") return Buffer.from(text, "base64").toString();
    const bytes = text
      .replaceAll("_", " ")
      .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return Buffer.from(bytes, "latin1").toString();
  });
}

/**
 * A header of the object, such as Content-Disposition, that is kept as it is.
 *
 * @throws OmniError INVALID_ARGUMENT for characters that a header cannot carry
 */
export function checkHeader(name: string, value: string | undefined): string | undefined {
  if (value === undefined || /^[\x20-\x7e\t]*$/.test(value)) return value;
  const remedy =
    name === "contentDisposition" ? "; write a name as filename*=UTF-8''..., percent-encoded (RFC 6266)" : "; use printable ASCII";
  throw new OmniError("INVALID_ARGUMENT", {
    reason: `${name} has characters that an HTTP header cannot carry${remedy}`,
    outcome: "not-applied",
  });
}
