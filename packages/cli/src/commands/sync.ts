import { sync } from "@omni/sync";
import type { Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import { countOf, formatBytes } from "../output/format.ts";
import type { SYNC_OPTIONS } from "./sync-options.ts";
import { planOf, prepareRun, runVerb } from "./sync-run.ts";

/** `omni sync`. */
export const run: Run<OptionsOf<typeof SYNC_OPTIONS>> = async (context, args, options) => {
  const prepared = await prepareRun("sync", context, args, options);
  if (!context.dryRun && !context.isConfirmed) {
    const { counts, bytes } = await planOf(prepared, sync);
    const copies = counts.copied + counts.updated;
    if (counts.deleted > 0)
      await context.confirm(
        `delete ${countOf(counts.deleted, "object")} at ${prepared.to.url}${copies > 0 ? ` and copy ${countOf(copies, "object")} (${formatBytes(bytes)})` : ""}`,
      );
  }
  return runVerb(prepared, sync);
};
