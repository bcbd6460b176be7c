import { groupError, missed } from "./fan-out.ts";
import type { Member } from "./members.ts";
import type { MultiSettings } from "./options.ts";
import { asError, isNotApplied, type WriteOutcome } from "./outcome.ts";

/**
 * Deletes an object at every member at once, under the same counting as writes. A delete cannot be held back: after an error the outcomes say where
 * the object is gone.
 */
export async function fanDelete(
  members: readonly Member[],
  path: string,
  signal: AbortSignal | undefined,
  settings: MultiSettings,
): Promise<void> {
  const outcomes = await Promise.all(members.map((member) => deleteAt(member, path, signal, settings)));
  const done = outcomes.filter(({ state }) => state === "committed").length;
  if (done === outcomes.length) return;
  if (done < settings.needed) throw groupError("delete", path, outcomes, settings);
  if (settings.partial === "throw") throw missed("delete", path, outcomes);
  settings.logger?.warn({ path, outcomes }, "a delete missed members");
}

async function deleteAt(
  { name, backend }: Member,
  path: string,
  signal: AbortSignal | undefined,
  settings: MultiSettings,
): Promise<WriteOutcome> {
  const at = { member: name, phase: "commit", bytes: 0 } as const;
  try {
    await backend.delete(path, { signal, timeoutMs: settings.memberTimeoutMs });
    return { ...at, state: "committed" };
  } catch (thrown) {
    return { ...at, state: isNotApplied(thrown) ? "failed" : "unknown", error: asError(thrown) };
  }
}
