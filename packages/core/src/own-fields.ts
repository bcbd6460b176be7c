import { OmniError } from "./error.ts";
import type { WriteStamp } from "./object-info.ts";

// Fields that begin so are the driver's own and never shown as metadata.
const OWN = "omni-";
const PACKED = "omni-packed";
const NONCE = "omni-nonce";
const WRITE_ID = "omni-write-id";
const COUNTER = "omni-counter";
const MODIFIED_AT = "omni-modified-at";

/** What a driver of an object store keeps in an object's metadata, beside the user's. */
export interface OwnFields {
  /** Names the very upload, so that a write whose answer was lost is recognised. */
  readonly nonce?: string | undefined;
  readonly stamp?: WriteStamp | undefined;
  readonly modifiedAt?: Date | undefined;
}

/** How a store takes metadata. */
export interface MetadataForm {
  /** Whether an entry comes back as it was; the others share one JSON object in the field `omni-packed`. */
  isPlain(key: string, value: string): boolean;
  /** A value of the user's or of a stamp, and that JSON, as the store keeps them. @default as they are */
  readonly value?: Coding;
  readonly packed?: Coding;
}

/** A way to write a text, and back. */
export interface Coding {
  /** The form that the store keeps. */
  encode(text: string): string;
  /** What {@link encode} was given. */
  decode(text: string): string;
}

type TextMap = Readonly<Record<string, string>>;

const AS_IT_IS: Coding = { encode: (text) => text, decode: (text) => text };

/**
 * The metadata of an object as the store keeps it.
 *
 * @throws OmniError INVALID_ARGUMENT for a key that begins with `omni-`
 */
export function encodeOwnFields(
  metadata: TextMap | undefined,
  { nonce, stamp, modifiedAt }: OwnFields,
  { isPlain, value: values = AS_IT_IS, packed: packing = AS_IT_IS }: MetadataForm,
): Record<string, string> {
  const stored: Record<string, string> = {};
  const packed: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata ?? {})) {
    if (key.toLowerCase().startsWith(OWN))
      throw new OmniError("INVALID_ARGUMENT", {
        reason: `the metadata key ${JSON.stringify(key)} begins with "${OWN}", which is kept for Omni's own fields; choose another`,
        outcome: "not-applied",
      });
    if (isPlain(key, value)) stored[key] = values.encode(value);
    else put(packed, key, value);
  }
  if (Object.keys(packed).length > 0) stored[PACKED] = packing.encode(JSON.stringify(packed));
  if (nonce !== undefined) stored[NONCE] = nonce;
  if (stamp !== undefined) stored[WRITE_ID] = values.encode(stamp.id);
  if (stamp?.counter !== undefined) stored[COUNTER] = String(stamp.counter);
  if (modifiedAt !== undefined) stored[MODIFIED_AT] = String(modifiedAt.getTime());
  return stored;
}

/** The user's metadata and the driver's fields in what the store keeps. What others wrote under the driver's names fails nothing. */
export function decodeOwnFields(
  stored: TextMap | undefined,
  { value: values = AS_IT_IS, packed: packing = AS_IT_IS }: Omit<MetadataForm, "isPlain">,
): OwnFields & { readonly metadata: TextMap } {
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(stored ?? {})) if (!key.startsWith(OWN)) put(metadata, key, values.decode(value));
  const packed = stored?.[PACKED];
  if (packed !== undefined) unpack(packed, packing, metadata);
  const id = stored?.[WRITE_ID];
  const counter = stored?.[COUNTER];
  const modified = Number(stored?.[MODIFIED_AT] ?? Number.NaN);
  return {
    metadata,
    nonce: stored?.[NONCE],
    stamp: id === undefined ? undefined : { id: values.decode(id), ...(counter === undefined ? {} : { counter: Number(counter) }) },
    modifiedAt: Number.isNaN(modified) ? undefined : new Date(modified),
  };
}

// What is no JSON object of texts is somebody else's and shown as it is.
function unpack(packed: string, { decode }: Coding, into: Record<string, string>): void {
  let entries: unknown;
  try {
    entries = JSON.parse(decode(packed));
  } catch (error) {
    if (error instanceof SyntaxError) put(into, PACKED, packed);
    else throw error;
  }
  if (typeof entries !== "object" || entries === null) return;
  for (const [key, value] of Object.entries(entries)) if (typeof value === "string") put(into, key, value);
}

// A key may be "__proto__".
function put(into: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(into, key, { value, enumerable: true, writable: true, configurable: true });
}
