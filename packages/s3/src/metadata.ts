import { type Coding, decodeOwnFields, encodeOwnFields, OmniError, type OwnFields } from "@omni/core";

/*
 * Metadata travels as x-amz-meta-* headers: lower-case names and ASCII values. What does not fit is encoded:
 * - a value with other characters, with spaces at its ends, empty, or that looks encoded: words of RFC 2047, as Amazon S3 itself gives them back
 *   (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html);
 * - entries whose key would not come back as it was (capitals, spaces, ...): one JSON object in the field `omni-packed`, base64url.
 */
const VALUE: Coding = { encode: encodeValue, decode: decodeValue };
const PACKED: Coding = {
  encode: (json) => Buffer.from(json).toString("base64url"),
  decode: (text) => Buffer.from(text, "base64url").toString(),
};

type TextMap = Readonly<Record<string, string>>;

/**
 * The headers of an object's metadata, without their `x-amz-meta-`.
 *
 * @param plainKey keys that the store gives back as they were
 * @throws OmniError INVALID_ARGUMENT for a key that begins with `omni-`
 */
export function encodeMetadata(metadata: TextMap | undefined, fields: OwnFields, plainKey: RegExp): Record<string, string> {
  return encodeOwnFields(metadata, fields, { isPlain: (key) => plainKey.test(key), value: VALUE, packed: PACKED });
}

/** The user's metadata and the driver's fields in the headers of an object. */
export function decodeMetadata(headers: TextMap | undefined): OwnFields & { readonly metadata: TextMap } {
  return decodeOwnFields(headers, { value: VALUE, packed: PACKED });
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
