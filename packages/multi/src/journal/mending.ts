import { type DriverWriteOptions, MultiError, OmniError } from "@omni/core";
import type { Group } from "../group.ts";
import type { Mend, Mended, Mending } from "../mending.ts";
import { asError } from "../outcome.ts";
import type { Held, MemberSight } from "../sights.ts";
import type { Journal } from "./journal.ts";
import { carriedByAll } from "./stage-copy.ts";

/** Why a member was not changed; nothing for one that was. */
type Trouble = ReadonlyMap<string, unknown>;

/**
 * Changes the members of a journalled group: each repair of a path is an intent of its journal. What was decided last goes again to those that lost it,
 * under its write id; what the journal never decided, and a member that is preferred, become a change of the whole group.
 */
export function mendByIntents(group: Group, journal: Journal): Mend {
  return async (path, mending) => {
    const { source, write, remove, silent } = mending.plan;
    const targets: readonly MemberSight[] = source ? write : remove;
    // As every change of the group it takes all members.
    if (targets.length === 0 || silent.length > 0) return [];
    let trouble: Trouble;
    try {
      trouble = source ? await bring(group, journal, path, source, mending) : await removeEverywhere(journal, path, mending);
    } catch (error) {
      if (mending.signal?.aborted) throw error;
      trouble = troubleOf(error, targets);
    }
    return targets.map(({ member }): Mended => {
      const base = { member, action: source ? "write" : "delete", bytes: source?.info.size ?? 0 } as const;
      return trouble.has(member.name) ? { ...base, bytes: 0, error: trouble.get(member.name) } : base;
    });
  };
}

async function bring(group: Group, journal: Journal, path: string, source: Held, mending: Mending): Promise<Trouble> {
  const { plan, sights, decided, signal } = mending;
  if (decided?.state !== "present" || source.info.stamp?.id !== decided.stamp.id)
    return writeAnew(group, journal, path, source, mending);
  const { done, errors, foreign } = await journal.restore(path, { source, targets: plan.write, sights }, signal);
  const missed = plan.write.filter(({ member: { name } }) => !done.has(name) || foreign.includes(name));
  return new Map(
    missed.map(({ member: { name } }) => [name, errors.get(name) ?? errors.get("journal") ?? unconfirmed(path, name)]),
  );
}

/** Nothing was decided there, or another member is preferred: its bytes become a write of the group. */
async function writeAnew(
  group: Group,
  journal: Journal,
  path: string,
  { member, info }: Held,
  { decided, signal }: Mending,
): Promise<Trouble> {
  const pin = info.etag === undefined ? {} : { ifMatch: info.etag };
  const timeoutMs = group.settings.memberTimeoutMs;
  const reader = await member.backend.read(path, { ...pin, signal, timeoutMs, idleTimeoutMs: timeoutMs });
  try {
    const kept = { ...carriedByAll(reader.info, group.members), sizeBytes: info.size } as DriverWriteOptions;
    await journal.write(path, reader, { ...kept, signal, ifLast: decided?.stamp.id ?? null });
  } finally {
    await reader.close();
  }
  return new Map();
}

async function removeEverywhere(journal: Journal, path: string, { decided, signal }: Mending): Promise<Trouble> {
  await journal.delete(path, { signal, ifLast: decided?.stamp.id ?? null });
  return new Map();
}

/** What an error says of each member. */
function troubleOf(error: unknown, targets: readonly MemberSight[]): Trouble {
  const outcomes = MultiError.is(error) ? error.outcomes : [];
  return new Map(
    targets.flatMap(({ member: { name } }): [string, unknown][] => {
      const outcome = outcomes.find(({ member }) => member === name);
      return outcome?.state === "committed" ? [] : [[name, outcome?.error ?? asError(error)]];
    }),
  );
}

function unconfirmed(path: string, backend: string): OmniError {
  const reason = "decided, and not confirmed: recover() or the next change of this path finishes it";
  return new OmniError("UNAVAILABLE", { backend, operation: "repair", path, reason, outcome: "unknown" });
}
