import { decodeOwnFields, encodeOwnFields, type MetadataForm, type OwnFields } from "@omni/core";

/*
 * Metadata of an object is a JSON map, so values are any text. Keys travel as headers too (XML API, signed URLs), where capitals are lost, and an
 * empty value removes the key: entries that would not come back as they were share one JSON object in the field `omni-packed`.
 *
 * The modification time stands here and not in `customTime`, which can never be set back or removed and drives lifecycle rules.
 * https://cloud.google.com/storage/docs/metadata
 */
const FORM: MetadataForm = {
  isPlain: (key, value) => /^[a-z0-9][a-z0-9_.-]*$/.test(key) && value !== "" && value.trim() === value,
};
/** On the temporary object of a staged write: the generation that its commit replaces. */
const BASE = "omni-base";

/** What the driver keeps in an object's metadata, beside the user's. */
export interface Fields extends OwnFields {
  /** On a staged write: the generation that the commit under way replaces; "0" for nothing. */
  readonly base?: string | undefined;
}

type TextMap = Readonly<Record<string, string>>;

/**
 * The metadata of an object as the store keeps it.
 *
 * @throws OmniError INVALID_ARGUMENT for a key that begins with `omni-`
 */
export function encodeMetadata(metadata: TextMap | undefined, { base, ...fields }: Fields): Record<string, string> {
  return { ...encodeOwnFields(metadata, fields, FORM), ...(base === undefined ? {} : { [BASE]: base }) };
}

/** The user's metadata and the driver's fields in what the store keeps. */
export function decodeMetadata(stored: TextMap | undefined): Fields & { readonly metadata: TextMap } {
  return { ...decodeOwnFields(stored, FORM), base: stored?.[BASE] };
}
