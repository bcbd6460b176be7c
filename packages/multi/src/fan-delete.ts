import type { MultiError } from "@omni/core";
import { groupError, missed } from "./errors.ts";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import { asError, isNotApplied, type WriteOutcome } from "./outcome.ts";
import { inBackground, owe, refusalOf, Waiting } from "./waiting.ts";

/**
 * Deletes an object at every member at once, under the same counting and waiting as writes. A delete cannot be held back: after an error the outcomes
 * say where the object is gone.
 */
export async function fanDelete(group: Group, path: string, signal: AbortSignal | undefined): Promise<void> {
  const { members, settings, events } = group;
  const outcomes = members.map((member): WriteOutcome => ({ member: member.name, state: "pending", phase: "commit", bytes: 0 }));
  const owing = (): readonly Member[] => members.filter((_, at) => outcomes[at]?.state === "pending");
  const waiting = new Waiting(group);
  const isEnough = (): boolean => settings.mode !== "all" && committed(outcomes) >= settings.needed;
  const all = Promise.all(
    members.map(async (member, at) => {
      outcomes[at] = await deleteAt(group, member, path, signal);
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
  const error = failureOf(group, path, seen);
  events.emit("delete", error ? { path, outcomes: seen, error } : { path, outcomes: seen });
  if (committed(seen) > 0) await noteMissed(group, path, seen);
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
  await noteMissed(group, path, found);
}

async function noteMissed({ events, notes }: Group, path: string, outcomes: readonly WriteOutcome[]): Promise<void> {
  const members = outcomes.filter(isMissed).map(({ member }) => member);
  if (members.length === 0) return;
  events.emit("missed", { operation: "delete", path, members });
  await notes?.add({ operation: "delete", path, members });
}

function committed(outcomes: readonly WriteOutcome[]): number {
  return outcomes.filter(({ state }) => state === "committed").length;
}

function isMissed({ state }: WriteOutcome): boolean {
  return state !== "committed" && state !== "pending";
}

function failureOf({ settings }: Group, path: string, outcomes: readonly WriteOutcome[]): MultiError<WriteOutcome> | undefined {
  if (!outcomes.some(isMissed)) return undefined;
  if (committed(outcomes) < settings.needed) return groupError("delete", path, outcomes, settings);
  return settings.partial === "throw" ? missed("delete", path, outcomes) : undefined;
}

async function deleteAt(group: Group, member: Member, path: string, signal: AbortSignal | undefined): Promise<WriteOutcome> {
  const { name, backend, timeoutMs = group.settings.memberTimeoutMs } = member;
  const standing = group.health.of(member);
  const at = { member: name, phase: "commit", bytes: 0 } as const;
  const refusal = refusalOf(group, member, "delete", path);
  if (refusal) return { ...at, phase: "open", state: "failed", error: refusal };
  try {
    await backend.delete(path, { signal, timeoutMs });
    standing.record();
    return { ...at, state: "committed" };
  } catch (thrown) {
    if (signal?.aborted) standing.forget();
    else standing.record(thrown);
    return { ...at, state: isNotApplied(thrown) ? "failed" : "unknown", error: asError(thrown) };
  }
}
