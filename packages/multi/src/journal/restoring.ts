import { randomUUID } from "node:crypto";
import { OmniError, type StagedWrite, systemClock } from "@omni/core";
import type { Group } from "../group.ts";
import type { Held, MemberSight } from "../sights.ts";
import { type Decider, tokensOf } from "./decider.ts";
import type { Finished } from "./finish.ts";
import type { HeadLog } from "./log.ts";
import { decide, type Intent, isOpen, type Sight } from "./protocol.ts";
import { stageCopy } from "./stage-copy.ts";

/** Members that lost, past the journal, what was decided last. */
export interface Loss {
  /** A member that holds it, under its write id. */
  readonly source: Held;
  readonly targets: readonly MemberSight[];
  /** What every member was seen to hold. */
  readonly sights: readonly MemberSight[];
}

/**
 * Brings members to the write that was decided last. That is an intent like any other, so that a copy which comes late, or a process that stops in the
 * middle of it, cannot undo what is decided later: written past the journal, under a condition, it could (a create finds nothing there after a delete).
 *
 * @throws OmniError PRECONDITION_FAILED when something else was decided since the members were looked at
 */
export async function restore(
  group: Group,
  log: HeadLog,
  decider: Decider,
  path: string,
  { source, targets, sights }: Loss,
  signal: AbortSignal | undefined,
): Promise<Finished> {
  const restores = source.info.stamp?.id as string;
  const head = await log.head(path, signal);
  const last = head?.last;
  if (!last || isOpen(head) || last.deleted || last.id !== restores) throw overtaken(path);
  const handles = await stageAt(group, decider, path, source, targets);
  const { counter, size, digest } = last;
  const intent: Intent = {
    counter,
    size,
    digest,
    id: randomUUID(),
    kind: "write",
    restores,
    at: (group.settings.clock ?? systemClock).now(),
    tokens: tokensOf(handles),
    bases: Object.fromEntries(sights.map(({ member, info }): [string, Sight] => [member.name, info ? seen(info) : null])),
  };
  try {
    signal?.throwIfAborted();
    const decision = await decider.decide("repair", decide(path, head, intent, randomUUID()), handles);
    if (decision) return decision.finished;
    throw overtaken(path);
  } catch (error) {
    // Where it is not known whether it was decided, what is staged may be needed.
    if (!OmniError.is(error, "IN_DOUBT")) await decider.withdrawAll(handles);
    throw error;
  }
}

async function stageAt(
  group: Group,
  decider: Decider,
  path: string,
  { member: from, info }: Held,
  targets: readonly MemberSight[],
): Promise<ReadonlyMap<string, StagedWrite>> {
  const handles = new Map<string, StagedWrite>();
  const staged = await Promise.allSettled(
    targets.map(async ({ member }) => {
      handles.set(member.name, await stageCopy(group, path, info.stamp?.id as string, from, member));
    }),
  );
  const failed = staged.find(({ status }) => status === "rejected");
  if (failed?.status !== "rejected") return handles;
  await decider.withdrawAll(handles);
  throw failed.reason;
}

function seen({ stamp, etag }: Held["info"]): Sight {
  return { id: stamp?.id, etag };
}

function overtaken(path: string): OmniError {
  const reason = "something else was decided there since the members were looked at";
  return new OmniError("PRECONDITION_FAILED", { backend: "multi", operation: "repair", path, reason, outcome: "not-applied" });
}
