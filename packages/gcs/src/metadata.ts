import { OmniError, type WriteStamp } from "@omni/core";

/*
 * Metadata of an object is a JSON map, so values are any text. Keys travel as headers too (XML API, signed URLs), where capitals are lost, and an
 * empty value removes the key: entries that would not come back as they were share one JSON object in the field `omni-packed`.
 * Fields that begin with `omni-` are the driver's own and never shown as metadata.
 *
 * The modification time stands here and not in `customTime`, which can never be set back or removed and drives lifecycle rules.
 * https://cloud.google.com/storage/docs/metadata
 */
const OWN = "omni-";
const PACKED = "omni-packed";
const NONCE = "omni-nonce";
const WRITE_ID = "omni-write-id";
const COUNTER = "omni-counter";
const MODIFIED_AT = "omni-modified-at";
/** On the temporary object of a staged write: the generation that its commit replaces. */
const BASE = "omni-base";

/** What the driver keeps in an object's metadata, beside the user's. */
export interface Fields {
  /** Names the very upload, so that a write whose answer was lost is recognised. */
  readonly nonce?: string | undefined;
  readonly stamp?: WriteStamp | undefined;
  readonly modifiedAt?: Date | undefined;
  /** On a staged write: the generation that the commit under way replaces; "0" for nothing. */
  readonly base?: string | undefined;
}

type TextMap = Readonly<Record<string, string>>;

/**
 * The metadata of an object as the store keeps it.
 *
 * @throws OmniError INVALID_ARGUMENT for a key that begins with `omni-`
 */
export function encodeMetadata(metadata: TextMap | undefined, fields: Fields): Record<string, string> {
  const stored: Record<string, string> = {};
  const packed: Record<string, string> = {};
  let isPacked = false;
  for (const [key, value] of Object.entries(metadata ?? {})) {
    if (key.toLowerCase().startsWith(OWN))
      throw new OmniError("INVALID_ARGUMENT", {
        reason: `the metadata key ${JSON.stringify(key)} begins with "${OWN}", which is kept for Omni's own fields; choose another`,
        outcome: "not-applied",
      });
    if (isPlain(key, value)) stored[key] = value;
    else {
      Object.defineProperty(packed, key, { value, enumerable: true });
      isPacked = true;
    }
  }
  if (isPacked) stored[PACKED] = JSON.stringify(packed);
  if (fields.nonce !== undefined) stored[NONCE] = fields.nonce;
  if (fields.stamp !== undefined) stored[WRITE_ID] = fields.stamp.id;
  if (fields.stamp?.counter !== undefined) stored[COUNTER] = String(fields.stamp.counter);
  if (fields.modifiedAt !== undefined) stored[MODIFIED_AT] = String(fields.modifiedAt.getTime());
  if (fields.base !== undefined) stored[BASE] = fields.base;
  return stored;
}

function isPlain(key: string, value: string): boolean {
  return /^[a-z0-9][a-z0-9_.-]*$/.test(key) && value !== "" && value.trim() === value;
}

/** The user's metadata and the driver's fields in what the store keeps. */
export function decodeMetadata(stored: TextMap | undefined): Fields & { readonly metadata: TextMap } {
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(stored ?? {})) if (!key.startsWith(OWN)) put(metadata, key, value);
  const packed = stored?.[PACKED];
  if (packed !== undefined) unpack(packed, metadata);
  const id = stored?.[WRITE_ID];
  const counter = stored?.[COUNTER];
  const modified = Number(stored?.[MODIFIED_AT]);
  return {
    metadata,
    nonce: stored?.[NONCE],
    base: stored?.[BASE],
    stamp: id === undefined ? undefined : { id, ...(counter === undefined ? {} : { counter: Number(counter) }) },
    modifiedAt: stored?.[MODIFIED_AT] === undefined || Number.isNaN(modified) ? undefined : new Date(modified),
  };
}

// What others wrote under the name is shown as it is: a listing or a read does not fail for it.
function unpack(packed: string, into: Record<string, string>): void {
  let entries: unknown;
  try {
    entries = JSON.parse(packed);
  } catch (error) {
    if (error instanceof SyntaxError) put(into, PACKED, packed);
    else throw error;
  }
  if (typeof entries !== "object" || entries === null) return;
  for (const [key, value] of Object.entries(entries)) if (typeof value === "string") put(into, key, value);
}

function put(into: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(into, key, { value, enumerable: true, writable: true, configurable: true });
}
