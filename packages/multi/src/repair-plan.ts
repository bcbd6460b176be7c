import type { ObjectInfo } from "@omni/core";
import type { Group } from "./group.ts";
import type { Decided } from "./repair-notes.ts";
import { areOrdered, compareObjects, type Held, isSurelyMissed, type MemberSight, referenceOf } from "./sights.ts";
import { compareVersions } from "./versions.ts";

/** What has to be done at one path. */
export interface RepairPlan {
  /** The object that the members are brought to. */
  readonly source?: Held | undefined;
  /** Members that get it, with what they hold now. */
  readonly write: readonly MemberSight[];
  /** Members whose object goes. */
  readonly remove: readonly Held[];
  /** Why members are left alone although they differ. */
  readonly ambiguous?: string | undefined;
  /** Members that did not answer. */
  readonly silent: readonly MemberSight[];
}

/**
 * Decides what a repair does at a path: what the journal decided last; what was preferred; else the highest version. What nothing orders is left
 * alone.
 *
 * @param decided what the journal knows of the path
 * @param prefer name of the member that is right where nothing else says so
 */
export async function planRepair(
  group: Group,
  sights: readonly MemberSight[],
  decided: Decided | undefined,
  prefer: string | undefined,
  signal: AbortSignal | undefined,
): Promise<RepairPlan> {
  const silent = sights.filter(({ error }) => error !== undefined);
  const seen = sights.filter(({ error }) => error === undefined);
  const held = seen.filter((sight): sight is MemberSight & { readonly info: ObjectInfo } => sight.info !== undefined);
  const found = { group, seen, held, silent, signal };
  const reference = referenceOf(held);
  if (!decided && !reference) return { write: [], remove: [], silent };
  const plan = decided ? await planDecided(found, decided) : await planByVersion(found, reference as Held);
  return plan.ambiguous !== undefined && prefer !== undefined ? planPreferred(found, prefer, plan) : plan;
}

interface Found {
  readonly group: Group;
  readonly seen: readonly MemberSight[];
  readonly held: readonly Held[];
  readonly silent: readonly MemberSight[];
  readonly signal: AbortSignal | undefined;
}

/** The journal says what is right. */
async function planDecided(found: Found, { state, stamp, isUnsure, before }: Decided): Promise<RepairPlan> {
  const { group, seen, held, silent } = found;
  const newest = referenceOf(held);
  if (newest && newest.info.stamp?.counter !== undefined && compareVersions(newest.info.stamp, stamp) > 0)
    // Under `all` that is a write being decided right now; else one that nobody missed, so that there is no note of it, and that nobody deleted.
    return group.settings.mode === "all" ? { write: [], remove: [], silent } : planByVersion(found, newest, true);
  const isOlder = (info: ObjectInfo | undefined): boolean =>
    info?.stamp?.id !== stamp.id && !(info?.stamp?.counter !== undefined && compareVersions(info.stamp, stamp) > 0);
  if (state === "deleted") return { write: [], remove: held.filter(({ info }) => isOlder(info)), silent };
  const source = held.find(({ info }) => info.stamp?.id === stamp.id);
  // Nobody holds it, and nobody was seen to take it: what was decided before stands.
  if (!source && isUnsure && silent.length === 0) {
    if (before) return planDecided(found, before);
    return newest ? planByVersion(found, newest) : { write: [], remove: [], silent };
  }
  if (!source) {
    const others = seen.filter(({ info }) => isOlder(info));
    const ambiguous = others.length > 0 ? "no member that answers holds what was decided" : undefined;
    return { write: [], remove: [], silent, ambiguous: silent.length > 0 ? undefined : ambiguous };
  }
  return { source, write: seen.filter(({ info }) => isOlder(info)), remove: [], silent };
}

/** @param isKept whether the journal would know, if it had been deleted */
async function planByVersion(found: Found, source: Held, isKept = false): Promise<RepairPlan> {
  const { group, seen, held, silent } = found;
  const differing = await differingFrom(found, source);
  const missing = seen.filter(({ info }) => info === undefined);
  const unordered = differing.some(({ info }) => !areOrdered(info, source.info));
  if (unordered) return { write: [], remove: [], silent, ambiguous: "the objects differ, and nothing says which is the later one" };
  const surely = isKept || isSurelyMissed(group, held.length);
  const ambiguous = missing.length > 0 && !surely ? "deleted on some, or missed by others: only a journal knows" : undefined;
  return { source, write: surely ? [...differing, ...missing] : differing, remove: [], silent, ambiguous };
}

async function planPreferred(found: Found, prefer: string, plan: RepairPlan): Promise<RepairPlan> {
  const { held, seen, silent } = found;
  const right = seen.find(({ member }) => member.name === prefer);
  if (!right) return plan;
  const { member, info } = right;
  if (!info) return { write: [], remove: held, silent };
  const source = { member, info };
  const missing = seen.filter((sight) => sight.info === undefined);
  return { source, write: [...(await differingFrom(found, source)), ...missing], remove: [], silent };
}

/** The members whose object is another one than the source's. */
async function differingFrom({ group, held, signal }: Found, source: Held): Promise<readonly Held[]> {
  const call = { signal, timeoutMs: group.settings.memberTimeoutMs };
  const others = held.filter(({ member }) => member !== source.member);
  const compared = await Promise.all(
    others.map(async (each) => ((await compareObjects(source, each, "digest", call)).equal ? [] : [each])),
  );
  return compared.flat();
}
