import { move } from "@omni/sync";
import type { Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import type { MOVE_OPTIONS } from "./sync-options.ts";
import { prepareRun, runVerb } from "./sync-run.ts";

/** `omni move`. */
export const run: Run<OptionsOf<typeof MOVE_OPTIONS>> = async (context, args, options) => {
  const prepared = await prepareRun("move", context, args, options);
  await context.confirm(`move what is in ${prepared.from.url} to ${prepared.to.url}, deleting each source whose copy is proven`);
  return runVerb(prepared, move);
};
