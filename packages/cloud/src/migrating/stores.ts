import { createHash, randomUUID } from "node:crypto";
import { type Backend, copyBetween, isSameStore, type ObjectInfo, OmniError } from "@omni/core";
import type { Side } from "./phases.ts";

/** Write ids that a migration gave begin so: what else stands in the new store is somebody else's. */
const OURS = "migrating~";

/** The two stores of a migration, and when an object in one is the same as in the other. */
export class Stores {
  readonly old: Backend;
  readonly new: Backend;

  /** @throws OmniError INVALID_ARGUMENT when both are one store; NOT_SUPPORTED when one keeps no write ids */
  constructor(from: Backend, to: Backend) {
    if (isSameStore(from, to))
      throw new OmniError("INVALID_ARGUMENT", { operation: "migrating", reason: "from and to are the same store; give two" });
    for (const { driver, features } of [from, to]) {
      if (features.stamps) continue;
      const reason = `${driver.scheme} keeps no write ids (features.stamps), by which copies are told apart; use migrate() while nobody writes`;
      throw new OmniError("NOT_SUPPORTED", { backend: driver.scheme, operation: "migrating", reason });
    }
    this.old = from;
    this.new = to;
  }

  /** A write id of this migration. */
  static freshId(): string {
    return `${OURS}${randomUUID()}`;
  }

  static isOurs(info: ObjectInfo): boolean {
    return info.stamp?.id.startsWith(OURS) ?? false;
  }

  /** Both objects at a path, as they are now. */
  async look(path: string, signal: AbortSignal | undefined): Promise<Readonly<Record<Side, ObjectInfo | undefined>>> {
    const [old, fresh] = await Promise.all([statOf(this.old, path, signal), statOf(this.new, path, signal)]);
    return { old, new: fresh };
  }

  /**
   * Makes one store show what the other one shows. The caller holds the path.
   *
   * @param first whose object counts
   * @returns what was done
   */
  async align(path: string, first: Side, signal: AbortSignal | undefined): Promise<"equal" | "copied" | "deleted"> {
    const other = first === "old" ? "new" : "old";
    const seen = await this.look(path, signal);
    const [has, shows] = [seen[first], seen[other]];
    if (!has && !shows) return "equal";
    if (!has) {
      await this[other].delete(path, { signal });
      return "deleted";
    }
    if (shows && isSameWrite(has, shows)) return "equal";
    await copyBetween(this[first], path, this[other], { signal, stamp: { id: writeId(has) } });
    return "copied";
  }
}

/** Whether two objects came from one write. */
export function isSameWrite(a: ObjectInfo, b: ObjectInfo): boolean {
  return a.size === b.size && writeId(a) === writeId(b);
}

/** The write id of an object; one that was written without is known by what its store tells of it. */
function writeId(info: ObjectInfo): string {
  if (info.stamp) return info.stamp.id;
  const { etag, version, size, modifiedAt, contentType, cacheControl, contentEncoding, contentDisposition, metadata = {} } = info;
  const facts = [etag, version, size, modifiedAt?.getTime(), contentType, cacheControl, contentEncoding, contentDisposition];
  const named = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${OURS}${createHash("sha256")
    .update(JSON.stringify([facts, named]))
    .digest("hex")
    .slice(0, 32)}`;
}

async function statOf(backend: Backend, path: string, signal: AbortSignal | undefined): Promise<ObjectInfo | undefined> {
  try {
    return await backend.stat(path, { signal });
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}
