import type { Backend, ObjectInfo } from "@omni/core";

/**
 * How a member deletes so that a delete which comes late hurts nobody.
 *
 * `fenced`: under the generation that was seen, which never repeats (file, memory, Google Cloud Storage). `marked`: its etags repeat with the bytes, so a
 * staged mark with a content of its own replaces the object first, and the mark is deleted under its etag (AWS). `plain`: the store has no conditional
 * delete (MinIO, R2): a delete whose sender stopped in the middle may remove what was written later, and `guarantee` says so.
 */
export type DeleteWay = "fenced" | "marked" | "plain";

export function deleteWayOf({ features }: Backend): DeleteWay {
  const { replace, delete: conditional } = features.conditional;
  if (!conditional) return "plain";
  return replace === "generation" ? "fenced" : "marked";
}

const MARK = "omni-deleted";

/** What replaces an object until it is deleted: nothing else ever has this content. */
export function markOf(id: string): { readonly body: Uint8Array; readonly metadata: Readonly<Record<string, string>> } {
  return { body: Buffer.from(`deleted ${id}\n`), metadata: { [MARK]: id } };
}

/** Whether an object is a mark: nothing is there. */
export function isMark({ metadata }: ObjectInfo): boolean {
  return metadata?.[MARK] !== undefined;
}
