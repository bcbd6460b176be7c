import { randomUUID } from "node:crypto";
import { type CallOptions, type MultiError, OmniError, type WriteStamp } from "@omni/core";
import { groupError, missed } from "./errors.ts";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import { asError, isNotApplied, type WriteOutcome } from "./outcome.ts";
import { compareVersions, lookAt, nextVersion } from "./versions.ts";
import { inBackground, owe, refusalOf, Waiting } from "./waiting.ts";

/**
 * Deletes an object at every member at once, under the same counting and waiting as writes. A delete cannot be held back: after an error the outcomes
 * say where the object is gone. With a journal it is decided when its tombstone is kept there; after that it is never taken back.
 */
export async function fanDelete(group: Group, path: string, signal: AbortSignal | undefined): Promise<void> {
  const { members, settings, events } = group;
  const refused = new Map(members.map((member): [Member, unknown] => [member, refusalOf(group, member, "delete", path)]));
  const isNoted = group.notes !== undefined && settings.mode !== "all";
  const { tombstone, hasOlder } = isNoted ? await bury(group, path, refused, signal) : { tombstone: undefined, hasOlder: false };
  const outcomes = members.map((member): WriteOutcome => ({ member: member.name, state: "pending", phase: "commit", bytes: 0 }));
  const owing = (): readonly Member[] => members.filter((_, at) => outcomes[at]?.state === "pending");
  const waiting = new Waiting(group);
  const isEnough = (): boolean => settings.mode !== "all" && committed(outcomes) >= settings.needed;
  const all = Promise.all(
    members.map(async (member, at) => {
      outcomes[at] = await deleteAt(group, member, path, { tombstone, refusal: refused.get(member) }, signal);
      waiting.look(isEnough(), owing());
    }),
  );
  await waiting.over;
  const seen = [...outcomes];
  const late = owing().map((member) => ({ member, settled: owe(group, member, path, "delete", "commit", 0) }));
  if (late.length > 0)
    inBackground(
      group,
      path,
      all.then(() => settleLate(group, path, outcomes, late)),
    );
  if (tombstone && hasOlder)
    inBackground(
      group,
      path,
      all.then(() => settleOlder(group, path, tombstone, outcomes)),
    );
  const error = failureOf(group, path, seen, tombstone !== undefined);
  events.emit("delete", error ? { path, outcomes: seen, error } : { path, outcomes: seen });
  if (committed(seen) > 0) noteMissed(group, path, seen);
  if (error) throw error;
  if (seen.some(isMissed)) settings.logger?.warn({ path, outcomes: seen }, "a delete missed members");
}

async function settleLate(
  group: Group,
  path: string,
  outcomes: readonly WriteOutcome[],
  late: readonly { readonly member: Member; readonly settled: () => void }[],
): Promise<void> {
  const found = late.map(({ member, settled }) => {
    settled();
    return outcomes.find((outcome) => outcome.member === member.name) as WriteOutcome;
  });
  for (const outcome of found) group.events.emit("late", { path, outcome });
  noteMissed(group, path, found);
}

function noteMissed({ events }: Group, path: string, outcomes: readonly WriteOutcome[]): void {
  const members = outcomes.filter(isMissed).map(({ member }) => member);
  if (members.length > 0) events.emit("missed", { operation: "delete", path, members });
}

/**
 * Keeps a tombstone before anything is deleted, with a version of its own: nobody takes what a member still holds, or what comes late, for a write that
 * others missed. Members that do not say what they hold are left out of the delete: they may hold a version above the tombstone's.
 *
 * @param refused why members are not asked; those that do not answer are added
 * @returns whether there were notes of the path before, too
 * @throws MultiError when too few answer, before anything is kept or deleted
 */
async function bury(
  group: Group,
  path: string,
  refused: Map<Member, unknown>,
  signal: AbortSignal | undefined,
): Promise<{ readonly tombstone: WriteStamp; readonly hasOlder: boolean }> {
  const { members, settings, health, notes } = group;
  const asked = members.filter((member) => refused.get(member) === undefined);
  const majority = Math.floor(members.length / 2) + 1;
  try {
    const [{ stamp, silent }, decided] = await Promise.all([
      nextVersion(asked, path, randomUUID(), majority, settings.memberTimeoutMs, signal),
      notes?.decided(path),
    ]);
    for (const [member, error] of silent) {
      health.of(member).record(error);
      refused.set(member, error);
    }
    if (asked.length - silent.size < settings.needed)
      throw groupError(
        "delete",
        path,
        members.map((each) => unburied(each, refused)),
        settings,
      );
    const tombstone = { ...stamp, counter: Math.max(stamp.counter ?? 0, (decided?.stamp.counter ?? 0) + 1) };
    await notes?.add({ operation: "delete", path, members: members.map(({ name }) => name), stamp: tombstone });
    return { tombstone, hasOlder: decided !== undefined };
  } catch (error) {
    for (const member of asked) if (refused.get(member) === undefined) health.of(member).forget();
    throw error;
  }
}

/** Every member confirmed the delete: what was noted of the path before has done its work. */
async function settleOlder(
  { notes }: Group,
  path: string,
  tombstone: WriteStamp,
  outcomes: readonly WriteOutcome[],
): Promise<void> {
  if (outcomes.every(({ state }) => state === "committed")) await notes?.settle(path, tombstone);
}

/** How a member fares in a delete that is given up before it begins. */
function unburied(member: Member, refused: ReadonlyMap<Member, unknown>): WriteOutcome {
  const error = refused.get(member);
  const at = { member: member.name, phase: "open", bytes: 0 } as const;
  return error === undefined ? { ...at, state: "discarded" } : { ...at, state: "failed", error: asError(error) };
}

function committed(outcomes: readonly WriteOutcome[]): number {
  return outcomes.filter(({ state }) => state === "committed").length;
}

function isMissed({ state }: WriteOutcome): boolean {
  return state !== "committed" && state !== "pending";
}

/** @param isDecided whether its tombstone stands: then it takes effect, whatever the members said */
function failureOf(
  { settings }: Group,
  path: string,
  outcomes: readonly WriteOutcome[],
  isDecided: boolean,
): MultiError<WriteOutcome> | undefined {
  if (!outcomes.some(isMissed)) return undefined;
  if (committed(outcomes) < settings.needed) return groupError("delete", path, outcomes, settings, isDecided);
  return settings.partial === "throw" ? missed("delete", path, outcomes) : undefined;
}

async function deleteAt(
  group: Group,
  member: Member,
  path: string,
  { tombstone, refusal }: { readonly tombstone: WriteStamp | undefined; readonly refusal: unknown },
  signal: AbortSignal | undefined,
): Promise<WriteOutcome> {
  const { name, backend, timeoutMs = group.settings.memberTimeoutMs } = member;
  const standing = group.health.of(member);
  const at = { member: name, phase: "commit", bytes: 0 } as const;
  if (refusal !== undefined) return { ...at, phase: "open", state: "failed", error: asError(refusal) };
  try {
    if (tombstone) await deleteOver(member, path, tombstone, { signal, timeoutMs });
    else await backend.delete(path, { signal, timeoutMs });
    standing.record();
    return { ...at, state: "committed" };
  } catch (thrown) {
    if (signal?.aborted) standing.forget();
    else standing.record(thrown);
    return { ...at, state: isNotApplied(thrown) ? "failed" : "unknown", error: asError(thrown) };
  }
}

/** How often a delete looks again that others came before. */
const TRIES = 10;

/** Deletes what is older than the tombstone, and nothing newer. */
async function deleteOver(
  member: Member,
  path: string,
  tombstone: WriteStamp,
  call: CallOptions & { readonly timeoutMs: number },
): Promise<void> {
  const { backend } = member;
  for (let attempt = 1; ; attempt++) {
    const found = await lookAt(member, path, call.timeoutMs, call.signal);
    if (!found || compareVersions(found.stamp, tombstone) > 0) return;
    const fence = backend.features.conditional.delete && found.etag !== undefined ? { ifMatch: found.etag } : {};
    try {
      return await backend.delete(path, { ...call, ...fence });
    } catch (error) {
      if (!OmniError.is(error, "PRECONDITION_FAILED", "NOT_FOUND") || attempt === TRIES) throw error;
    }
  }
}
