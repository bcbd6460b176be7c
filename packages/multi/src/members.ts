import { type Backend, isSameStore } from "@omni/core";
import { invalid, type WriteMode } from "./options.ts";

/** One store of a group. */
export interface Member {
  readonly name: string;
  readonly backend: Backend;
  /** Its own window. @default the group's */
  readonly windowBytes?: number | undefined;
  /** Its own deadline, in milliseconds. @default the group's `memberTimeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** Its own least throughput. @default the group's */
  readonly minBytesPerSecond?: number | undefined;
}

/** What a group is made of: stores, with a name where outcomes should show one; `null` and `undefined` are left out. */
export type MemberSource = Backend | Member | null | undefined;

/**
 * The members of a group, named.
 *
 * @throws OmniError INVALID_ARGUMENT when none is left, one store stands twice, a name stands twice, or a member cannot hold a write back in a mode
 *   that needs it
 */
export function nameMembers(sources: readonly MemberSource[], mode: WriteMode): readonly Member[] {
  if (!Array.isArray(sources)) throw invalid("the members are an array of backends");
  const given = sources.flatMap((source) => (source === null || source === undefined ? [] : [asMember(source)]));
  if (given.length === 0) throw invalid("no member is left; give at least one backend");
  const schemes = given.map(({ backend }) => backend.driver.scheme);
  const members = given.map((source, index) => {
    const scheme = schemes[index] as string;
    const alone = schemes.indexOf(scheme) === schemes.lastIndexOf(scheme);
    return { ...source, name: source.name ?? (alone ? scheme : `${scheme}-${index + 1}`) };
  });
  checkDistinct(members);
  for (const { name, backend } of members)
    if (mode !== "best-effort" && backend.features.stagedWrite === "none")
      throw invalid(
        `the member "${name}" cannot hold a write back, which mode "${mode}" needs; use mode "best-effort" or leave it out`,
      );
  return members;
}

/** What a member may have of its own, and the least value. */
const OWN = { windowBytes: 1, timeoutMs: 1, minBytesPerSecond: 0 } as const;

function asMember(source: Backend | Member): Omit<Member, "name"> & { readonly name?: string } {
  if (typeof source === "object" && "driver" in source) return { backend: source };
  if (typeof source !== "object" || typeof source.backend !== "object" || !("driver" in source.backend))
    throw invalid("a member is a backend or { name, backend }");
  if (typeof source.name !== "string" || source.name === "") throw invalid("the name of a member is a string that is not empty");
  for (const [option, least] of Object.entries(OWN)) {
    const value = source[option as keyof typeof OWN];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least))
      throw invalid(`${option} of the member "${source.name}" is a whole number, ${least} or more, not ${value}`);
  }
  return source;
}

function checkDistinct(members: readonly Member[]): void {
  members.forEach((member, index) => {
    for (const other of members.slice(0, index)) {
      if (other.name === member.name) throw invalid(`two members have the name "${member.name}"; names differ`);
      if (isSameStore(other.backend, member.backend))
        throw invalid(`the members "${other.name}" and "${member.name}" are the same store; a copy there protects from nothing`);
    }
  });
}
