import { migrate } from "@omni/sync";
import type { Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import type { COPY_OPTIONS } from "./sync-options.ts";
import { prepareRun, runVerb } from "./sync-run.ts";

/** `omni migrate`. */
export const run: Run<OptionsOf<typeof COPY_OPTIONS>> = async (context, args, options) =>
  runVerb(await prepareRun("migrate", context, args, options), migrate);
