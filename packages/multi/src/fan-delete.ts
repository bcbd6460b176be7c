import type { MultiError } from "@omni/core";
import { groupError, missed } from "./fan-out.ts";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import { asError, isNotApplied, type WriteOutcome } from "./outcome.ts";

/**
 * Deletes an object at every member at once, under the same counting as writes. A delete cannot be held back: after an error the outcomes say where
 * the object is gone.
 */
export async function fanDelete(group: Group, path: string, signal: AbortSignal | undefined): Promise<void> {
  const { members, settings, events } = group;
  const outcomes = await Promise.all(members.map((member) => deleteAt(group, member, path, signal)));
  const error = failureOf(group, path, outcomes);
  events.emit("delete", error ? { path, outcomes, error } : { path, outcomes });
  if (error) throw error;
  if (outcomes.some(({ state }) => state !== "committed")) settings.logger?.warn({ path, outcomes }, "a delete missed members");
}

function failureOf({ settings }: Group, path: string, outcomes: readonly WriteOutcome[]): MultiError<WriteOutcome> | undefined {
  const done = outcomes.filter(({ state }) => state === "committed").length;
  if (done === outcomes.length) return undefined;
  if (done < settings.needed) return groupError("delete", path, outcomes, settings);
  return settings.partial === "throw" ? missed("delete", path, outcomes) : undefined;
}

async function deleteAt(
  { health, settings }: Group,
  member: Member,
  path: string,
  signal: AbortSignal | undefined,
): Promise<WriteOutcome> {
  const { name, backend, timeoutMs = settings.memberTimeoutMs } = member;
  const standing = health.of(member);
  if (!standing.admits())
    return { member: name, phase: "open", bytes: 0, state: "failed", error: standing.refusal("delete", path) };
  const at = { member: name, phase: "commit", bytes: 0 } as const;
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
