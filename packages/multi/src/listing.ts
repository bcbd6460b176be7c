import { comparePaths, type DriverListOptions, type ObjectInfo, OmniError } from "@omni/core";
import { type Listing, type MergedRow, mergeListings } from "@omni/core/merge";
import { type Group, groupInfo } from "./group.ts";
import { FINAL, messageOf, unavailable } from "./inquiry.ts";
import type { Member } from "./members.ts";
import { highest } from "./versions.ts";

/** One member's view. It goes on at another only where both list in order: never a short list that looks complete. */
export async function* listInTurn(
  group: Group,
  order: readonly Member[],
  prefix: string,
  options: DriverListOptions,
): AsyncGenerator<ObjectInfo, void> {
  let last = options.startAfter;
  let failure: unknown;
  for (const member of order) {
    const { sortedList } = member.backend.features;
    if (failure !== undefined && last !== options.startAfter && !sortedList) continue;
    try {
      for await (const info of listAt(group, member, prefix, { ...options, startAfter: last })) {
        if (last !== undefined && comparePaths(info.path, last) <= 0 && sortedList) continue;
        yield groupInfo(info, member);
        last = info.path;
      }
      return;
    } catch (error) {
      if (options.signal?.aborted || OmniError.is(error, ...FINAL)) throw error;
      if (last !== options.startAfter && !sortedList) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/**
 * What so many members list that one of them took part in every write that resolved; of each path the highest version that a listing shows. A member
 * that breaks off is replaced by another where they list in order.
 *
 * @throws OmniError UNAVAILABLE when too few members list
 */
export async function* listOfQuorum(
  group: Group,
  prefix: string,
  needed: number,
  options: DriverListOptions,
): AsyncGenerator<ObjectInfo, void> {
  const out = new Set<Member>();
  let last = options.startAfter;
  while (true) {
    const asked = group.members.filter((member) => !out.has(member)).slice(0, needed);
    let broken: { readonly member: Member; readonly error: unknown } | undefined;
    const listings = asked.map((member): Listing => {
      const items = listAt(group, member, prefix, { ...options, startAfter: last });
      const noting = noted(items, (error) => {
        broken ??= { member, error };
      });
      return { items: noting, sorted: member.backend.features.sortedList, name: member.name };
    });
    try {
      for await (const row of mergeListings(listings, { signal: options.signal })) {
        yield bestOf(row, asked);
        last = row.path;
      }
      return;
    } catch (error) {
      if (!broken || options.signal?.aborted || OmniError.is(error, ...FINAL)) throw error;
      out.add(broken.member);
      if (group.members.length - out.size >= needed) continue;
      const reason = `${group.members.length - out.size} of ${group.members.length} members list, ${needed} must: ${messageOf(broken.error)}`;
      throw unavailable("list", prefix, reason, broken.error);
    }
  }
}

/** A member's listing; how it ended is told to its breaker. */
export async function* listAt(
  { health, settings }: Group,
  member: Member,
  prefix: string,
  options: DriverListOptions,
): AsyncGenerator<ObjectInfo, void> {
  const standing = health.of(member);
  if (!standing.admits()) throw standing.refusal("list", prefix);
  let ended: "left" | "told" = "left";
  try {
    yield* member.backend.list(prefix, { ...options, timeoutMs: member.timeoutMs ?? settings.memberTimeoutMs });
    ended = "told";
    standing.record();
  } catch (error) {
    ended = "told";
    if (options.signal?.aborted) standing.forget();
    else standing.record(error);
    throw error;
  } finally {
    if (ended === "left") standing.forget();
  }
}

async function* noted(items: AsyncIterable<ObjectInfo>, onError: (error: unknown) => void): AsyncGenerator<ObjectInfo, void> {
  try {
    yield* items;
  } catch (error) {
    onError(error);
    throw error;
  }
}

function bestOf({ entries }: MergedRow, asked: readonly Member[]): ObjectInfo {
  const held = entries.flatMap((info, at) => (info ? [{ info, member: asked[at] as Member }] : []));
  const { info, member } = highest(held) as (typeof held)[number];
  return groupInfo(info, member);
}
