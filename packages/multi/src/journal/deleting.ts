import type { Backend, ObjectInfo } from "@omni/core";

/**
 * How a member deletes so that a delete which comes late hurts nobody.
 *
 * `fenced`: under the generation that was seen, which never repeats (file, memory, Google Cloud Storage). `marked`: its etags repeat with the bytes, so a
 * staged mark with a content of its own replaces the object first, and the mark is deleted under its etag (AWS). `kept`: the store has no conditional
 * delete (MinIO, R2): the mark replaces the object and stays, for whatever removed it could remove what was written since.
 */
export type DeleteWay = "fenced" | "marked" | "kept";

export function deleteWayOf({ features }: Backend): DeleteWay {
  const { replace, delete: conditional } = features.conditional;
  if (!conditional) return "kept";
  return replace === "generation" ? "fenced" : "marked";
}

/** Stores keep names that begin with `omni-` for themselves. */
const MARK = "deleted-by-omni";

/** What replaces an object that is deleted: nothing else ever has this content. */
export function markOf(id: string): { readonly body: Uint8Array; readonly metadata: Readonly<Record<string, string>> } {
  return { body: Buffer.from(`deleted ${id}\n`), metadata: { [MARK]: id } };
}

/** Bytes of every mark: a listing, which does not show what an object says of itself, tells by it what may be one. */
export const MARK_BYTES: number = markOf("00000000-0000-0000-0000-000000000000").body.byteLength;

/** Whether an object is a mark: nothing is there. What merely has such metadata names another write than its own. */
export function isMark({ metadata, stamp }: Pick<ObjectInfo, "metadata" | "stamp">): boolean {
  return stamp !== undefined && metadata?.[MARK] === stamp.id;
}
