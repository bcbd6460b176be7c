import { type ObjectInfo, OmniError } from "@omni/core";
import type { Group } from "./group.ts";
import { FINAL, messageOf, notFound, unavailable } from "./inquiry.ts";
import type { Member } from "./members.ts";
import { compareVersions, highest } from "./versions.ts";

/** What one member shows at a path. */
export interface Sight {
  readonly member: Member;
  readonly info: ObjectInfo;
}

/** What so many members show that one of them took part in every write that resolved. */
export interface QuorumSight {
  /** Those with the highest version, in the order of the group. */
  readonly holders: readonly Sight[];
  /** Those that answered and hold an older version, or nothing. */
  readonly stale: readonly Member[];
}

/**
 * Looks at all members at once and takes the first answers that suffice.
 *
 * @param needed answers, NOT_FOUND among them
 * @throws OmniError NOT_FOUND when all of them say so; UNAVAILABLE when too few answer
 */
export function lookAtQuorum(
  group: Group,
  operation: string,
  path: string,
  needed: number,
  signal: AbortSignal | undefined,
): Promise<QuorumSight> {
  return new Promise((resolve, reject) => {
    const sights: Sight[] = [];
    const missing: Member[] = [];
    const errors: unknown[] = [];
    let missed: unknown;
    let over = false;
    const end = (settle: () => void): void => {
      if (over) return;
      over = true;
      settle();
    };
    const count = (): void => {
      if (sights.length + missing.length >= needed) {
        if (sights.length === 0) end(() => reject(notFound(operation, path, missed)));
        else end(() => resolve(sorted(group, sights, missing)));
      } else if (errors.length > group.members.length - needed) {
        const reason = `fewer than ${needed} of ${group.members.length} members answer: ${messageOf(errors[0])}`;
        end(() => reject(unavailable(operation, path, reason, errors[0])));
      }
    };
    for (const member of group.members)
      statAt(group, operation, member, path, signal).then(
        (info) => {
          sights.push({ member, info });
          count();
        },
        (error) => {
          if (signal?.aborted || OmniError.is(error, ...FINAL)) return end(() => reject(error));
          if (OmniError.is(error, "NOT_FOUND")) {
            missed = error;
            missing.push(member);
          } else errors.push(error);
          count();
        },
      );
  });
}

/** What a member shows; its answer is told to its breaker. */
export async function statAt(
  { health, settings, clock }: Group,
  operation: string,
  member: Member,
  path: string,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo> {
  const standing = health.of(member);
  if (!standing.admits()) throw standing.refusal(operation, path);
  const start = clock.now();
  try {
    const info = await member.backend.stat(path, { signal, timeoutMs: member.timeoutMs ?? settings.memberTimeoutMs });
    standing.record(undefined, clock.now() - start);
    return info;
  } catch (error) {
    if (signal?.aborted) standing.forget();
    else standing.record(error, clock.now() - start);
    throw error;
  }
}

function sorted(group: Group, sights: readonly Sight[], missing: readonly Member[]): QuorumSight {
  const top = (highest(sights) as Sight).info.stamp;
  const inOrder = group.members.flatMap((member) => sights.find((sight) => sight.member === member) ?? []);
  const holders = inOrder.filter(({ info }) => compareVersions(info.stamp, top) === 0);
  return { holders, stale: [...inOrder.filter((sight) => !holders.includes(sight)).map(({ member }) => member), ...missing] };
}
