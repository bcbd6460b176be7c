import type { MultiBackend } from "@omni/multi";
import type { CheckSettings, Checkup } from "./checkup.ts";

const DAY_MS = 86_400_000;

/** Looks at a group beyond its members: its journal, and changes that are open. */
export async function checkGroup(checkup: Checkup, place: string, group: MultiBackend, { signal }: CheckSettings): Promise<void> {
  await checkup.check(
    place,
    "members",
    async () => `${group.members.map(({ name }) => name).join(", ")}, mode ${group.guarantee.mode}`,
    {},
    signal,
  );
  await checkup.check(
    place,
    "journal",
    async () => {
      if (!group.guarantee.rolledForward)
        return { level: "skip", detail: "there is none: a write that fails after its first commit is not rolled forward" };
      let open = 0;
      let oldest = Date.now();
      for await (const { decidedAt } of group.intents({ signal })) {
        open += 1;
        oldest = Math.min(oldest, decidedAt.getTime());
      }
      if (open === 0) return "answers; nothing is open";
      const age = (Date.now() - oldest) / DAY_MS;
      return {
        level: "warn",
        detail: `${open} decided changes are open, the oldest for ${age.toFixed(1)} days`,
        remedy: `omni recover ${place}`,
      };
    },
    { INVALID_ARGUMENT: "the journal is another group's, or members changed: see adopt and changeMembers" },
    signal,
  );
}
