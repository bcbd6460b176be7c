import { type ObjectInfo, OmniError, type WriteConditions, type WriteStamp } from "@omni/core";
import type { Member } from "./members.ts";

/**
 * Which of two writes is the later one: by counter, then by write id, so that all agree. An object without a stamp is older than any with one.
 *
 * @returns below 0 when `a` is the older, 0 for one and the same write
 */
export function compareVersions(a: WriteStamp | undefined, b: WriteStamp | undefined): number {
  if (!a || !b) return (a ? 1 : 0) - (b ? 1 : 0);
  const byCounter = (a.counter ?? 0) - (b.counter ?? 0);
  if (byCounter !== 0) return byCounter;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}

/** The highest version among what members show; of equal ones the first. */
export function highest<T extends { readonly info: ObjectInfo }>(sights: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const sight of sights) if (!best || compareVersions(sight.info.stamp, best.info.stamp) > 0) best = sight;
  return best;
}

/** What a member holds at a path; `undefined` = nothing. */
export type Base = ObjectInfo | undefined;

/** What a member holds now. */
export async function lookAt({ backend }: Member, path: string, timeoutMs: number, signal?: AbortSignal): Promise<Base> {
  try {
    return await backend.stat(path, { timeoutMs, signal });
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** The condition under which a member takes a write only over what it held, as far as its store has one. */
export function conditionsOver({ backend }: Member, base: Base): WriteConditions {
  const { create, replace } = backend.features.conditional;
  if (!base) return create ? { ifNoneMatch: "*" } : {};
  return replace && base.etag !== undefined ? { ifMatch: base.etag } : {};
}

/** The version of a write that is about to be made. */
export interface NextVersion {
  readonly stamp: WriteStamp;
  /** The caller chose the stamp: it orders the writes. */
  readonly isGiven: boolean;
  /** What each member held, when it answers; rejects with why it did not. */
  readonly bases: ReadonlyMap<Member, Promise<Base>>;
  /** The members that did not answer before enough others did, and why. */
  readonly silent: ReadonlyMap<Member, unknown>;
}

/**
 * The version after the highest that a majority shows: never a clock, which may go back. All members are asked at once, and the first answers that
 * suffice count; with fewer, what they show.
 *
 * @param members those that may be asked
 * @param majority answers that suffice
 */
export function nextVersion(
  members: readonly Member[],
  path: string,
  id: string,
  majority: number,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<NextVersion> {
  const bases = new Map(members.map((member) => [member, lookAt(member, path, member.timeoutMs ?? timeoutMs, signal)]));
  const silent = new Map<Member, unknown>();
  return new Promise((resolve, reject) => {
    let answers = 0;
    let counter = 0;
    const count = (): void => {
      if (signal?.aborted) reject(signal.reason);
      else if (answers >= majority || answers + silent.size === members.length)
        resolve({ stamp: { id, counter: counter + 1 }, isGiven: false, bases, silent: new Map(silent) });
    };
    for (const [member, base] of bases)
      base.then(
        (info) => {
          answers += 1;
          counter = Math.max(counter, info?.stamp?.counter ?? 0);
          count();
        },
        (error) => {
          silent.set(member, error);
          count();
        },
      );
    count();
  });
}
