import { type Backend, OmniError } from "@omni/core";
import type { Member } from "../members.ts";
import { deleteWayOf } from "./deleting.ts";

/**
 * Refuses a journal, and members for one, that cannot keep what the journal promises.
 *
 * A member needs stage tokens that are good for a single use, in another process too as far as its bytes outlive this one, and write ids in its
 * objects. A condition on a generation alone would not do: a create that comes late, after a delete, finds nothing there again.
 *
 * @throws OmniError NOT_SUPPORTED
 */
export function checkFitness(members: readonly Member[], journal: Backend): void {
  if (!journal.features.conditional.create)
    throw unfit(`a journal needs atomic conditional create (ifNoneMatch), which "${journal.driver.scheme}" does not declare`);
  for (const { name, backend } of members) {
    const { stage, resumeStage, stagedWrite, stamps } = backend.features;
    if (!stage || !resumeStage || (stagedWrite !== "durable" && stagedWrite !== "process"))
      throw unfit(`the member "${name}" has no stage tokens, so that a commit which comes late could undo a later write`);
    if (!stamps) throw unfit(`the member "${name}" keeps no write ids (features.stamps), by which members are compared`);
  }
}

/** Members at which a delete leaves a mark. */
export function markKeepers(members: readonly Member[]): readonly string[] {
  return members.filter(({ backend }) => deleteWayOf(backend) === "kept").map(({ name }) => name);
}

function unfit(what: string): OmniError {
  const reason = `${what}; leave it out, or go without a journal`;
  return new OmniError("NOT_SUPPORTED", { backend: "multi", operation: "open", reason, outcome: "not-applied" });
}
