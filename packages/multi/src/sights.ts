import { type CallOptions, commonHash, digestOf, type ObjectInfo, OmniError } from "@omni/core";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import { statAt } from "./quorum-read.ts";
import { compareVersions } from "./versions.ts";

/** What one member shows at a path: an object, nothing, or no answer. */
export interface MemberSight {
  readonly member: Member;
  readonly info: ObjectInfo | undefined;
  /** Why it did not answer. */
  readonly error?: unknown;
}

/** Asks every member what it holds now. */
export function lookAtAll(group: Group, path: string, signal: AbortSignal | undefined): Promise<readonly MemberSight[]> {
  return Promise.all(
    group.members.map(async (member) => {
      try {
        return { member, info: await statAt(group, "stat", member, path, signal) };
      } catch (error) {
        if (signal?.aborted) throw error;
        return OmniError.is(error, "NOT_FOUND") ? { member, info: undefined } : { member, info: undefined, error };
      }
    }),
  );
}

/** How two objects were found equal or different, from the strongest to the weakest. */
export const PROOFS = ["read", "digest", "write id", "size"] as const;
/** How a comparison came to its verdict. */
export type Proof = (typeof PROOFS)[number];

/** How much is done to compare two objects. */
export type ContentCheck = "digest" | "size";

/** An object at a member. */
export interface Held {
  readonly member: Member;
  readonly info: ObjectInfo;
}

/**
 * Compares two objects: by size, by the digests that both stores state, by write id, and where neither says enough by reading both.
 *
 * @param content `"size"` reads nothing: what has no write id is compared by its size
 */
export async function compareObjects(
  a: Held,
  b: Held,
  content: ContentCheck,
  call: CallOptions,
): Promise<{ readonly equal: boolean; readonly proof: Proof }> {
  if (a.info.size !== b.info.size) return { equal: false, proof: "size" };
  const stamped = a.info.stamp !== undefined && b.info.stamp !== undefined;
  // The write id is what members share: two writes of the same bytes are two versions.
  if (stamped && a.info.stamp?.id !== b.info.stamp?.id) return { equal: false, proof: "write id" };
  if (content === "size") return { equal: true, proof: stamped ? "write id" : "size" };
  const hash = commonHash(a.info.hashes, b.info.hashes);
  if (hash) return { equal: a.info.hashes?.[hash] === b.info.hashes?.[hash], proof: "digest" };
  if (stamped) return { equal: true, proof: "write id" };
  const [one, other] = await Promise.all([digestAt(a, call), digestAt(b, call)]);
  return { equal: one === other, proof: "read" };
}

async function digestAt({ member, info }: Held, call: CallOptions): Promise<string> {
  const stated = info.hashes?.sha256;
  if (stated !== undefined) return stated;
  const pin = info.etag === undefined ? {} : { ifMatch: info.etag };
  return digestOf("sha256", await member.backend.read(info.path, { ...pin, signal: call.signal, idleTimeoutMs: call.timeoutMs }));
}

/** The object that stands for a path: the highest version, of equal ones the first member's. */
export function referenceOf(held: readonly Held[]): Held | undefined {
  let best: Held | undefined;
  for (const each of held) if (!best || compareVersions(each.info.stamp, best.info.stamp) > 0) best = each;
  return best;
}

/**
 * Whether nothing but a missed write explains that members hold nothing: so many hold the object that no delete which resolved can have come after it.
 */
export function isSurelyMissed({ members, settings }: Group, holders: number): boolean {
  return settings.mode !== "all" && holders >= members.length - settings.needed + 1;
}

/** Whether two versions tell which one is later. */
export function areOrdered(a: ObjectInfo, b: ObjectInfo): boolean {
  if (a.stamp === undefined || b.stamp === undefined) return false;
  return a.stamp.id === b.stamp.id || (a.stamp.counter !== undefined && b.stamp.counter !== undefined);
}
