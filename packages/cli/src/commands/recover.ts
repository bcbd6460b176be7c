import type { Run } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import { countOf } from "../output/format.ts";
import { wholeGroup } from "./group-target.ts";
import type { RECOVER_OPTIONS } from "./groups.ts";
import { listIntents } from "./intents.ts";

/** `omni recover`. */
export const run: Run<OptionsOf<typeof RECOVER_OPTIONS>> = async (context, [text = ""], { olderThan = 0, sweep = false }) => {
  const { out, signal, dryRun } = context;
  const { group, name } = await wholeGroup(context, text);
  if (dryRun) {
    const limit = Date.now() - olderThan;
    const open = await listIntents(context, group, ({ decidedAt }) => decidedAt.getTime() <= limit);
    out.note(`${name}: ${countOf(open, "intent")} would be finished`);
    return EXIT_CODES.CLEAN;
  }
  context.onInterrupt("nothing is lost; the same command goes on");
  const { finished, aborted, open } = await group.recover({ olderThanMs: olderThan, signal });
  await out.result(
    { group: name, finished, aborted, open },
    `${name}: ${finished} finished, ${aborted} without effect, ${open} still open${open > 0 ? `; see: omni intents ${name}` : ""}`,
  );
  if (sweep)
    for (const [member, swept] of Object.entries(await group.sweepStale({ signal })))
      await out.result({ group: name, member, swept }, `${member}: swept ${JSON.stringify(swept)}`);
  return open > 0 ? EXIT_CODES.PENDING : EXIT_CODES.CLEAN;
};
