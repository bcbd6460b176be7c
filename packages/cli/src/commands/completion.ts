import type { Run } from "../command.ts";
import { UsageError } from "../command.ts";
import { SCRIPTS } from "../completion/scripts.ts";

/** `omni completion`. */
export const run: Run<object> = async ({ out }, [shell = ""]) => {
  if (!Object.hasOwn(SCRIPTS, shell))
    throw new UsageError(`${JSON.stringify(shell)} is no shell known here; give one of: ${Object.keys(SCRIPTS).join(", ")}`);
  await out.data(Buffer.from(SCRIPTS[shell as keyof typeof SCRIPTS]));
};
