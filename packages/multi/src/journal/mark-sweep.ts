import { type ObjectInfo, OmniError, systemClock } from "@omni/core";
import type { Group } from "../group.ts";
import type { Member } from "../members.ts";
import { inOrder } from "../ordered.ts";
import { isMark, MARK_BYTES } from "./deleting.ts";
import type { Journal } from "./journal.ts";
import { isOpen } from "./protocol.ts";
import type { GroupSweepOptions } from "./recovery.ts";

/** Marks that are removed side by side. */
const SIDE_BY_SIDE = 8;

/**
 * Removes the marks that deletes left at a member whose store has no conditional delete. Such a removal could hit what is written at that moment: the
 * head is read before and after it, and where something was decided in between the member is mended at once.
 *
 * @param mend brings the members at a path to what the journal says
 * @returns how many were removed
 */
export async function sweepMarks(
  { settings }: Group,
  journal: Journal,
  { backend }: Member,
  mend: (path: string) => Promise<unknown>,
  { olderThanMs = 0, prefix = "", signal }: GroupSweepOptions,
): Promise<number> {
  const call = { timeoutMs: settings.memberTimeoutMs, signal };
  const before = (settings.clock ?? systemClock).now() - olderThanMs;
  const remove = async ({ path, size, isDirectory }: ObjectInfo): Promise<boolean> => {
    if (isDirectory || size !== MARK_BYTES || !(await isOldMark(path))) return false;
    const head = await journal.log.head(path, signal);
    if (isOpen(head) || !head?.last?.deleted) return false;
    try {
      await backend.delete(path, call);
    } finally {
      if ((await journal.log.head(path))?.seq !== head.seq) await mend(path);
    }
    return true;
  };
  const isOldMark = async (path: string): Promise<boolean> => {
    try {
      const info = await backend.stat(path, call);
      return isMark(info) && (info.modifiedAt?.getTime() ?? 0) <= before;
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) return false;
      throw error;
    }
  };
  let removed = 0;
  for await (const gone of inOrder(backend.list(prefix, call), SIDE_BY_SIDE, remove)) if (gone) removed += 1;
  return removed;
}
