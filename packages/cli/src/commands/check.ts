import { check, verify } from "@omni/sync";
import type { Run } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { OptionsOf } from "../options.ts";
import type { CHECK_OPTIONS } from "./sync-options.ts";
import { prepareRun, runVerb } from "./sync-run.ts";

/** `omni check`. */
export const run: Run<OptionsOf<typeof CHECK_OPTIONS>> = async (context, args, options) => {
  const code = await runVerb(await prepareRun("check", context, args, options), options.download ? verify : check);
  if (code === EXIT_CODES.NOT_COMPARABLE)
    context.out.note(
      "Of some objects only the sizes were compared, since the stores state no digest in common; --download reads them.",
    );
  return code;
};
