import type { CommandSpec } from "../command.ts";
import { openTargets } from "../opening.ts";
import type { Targets } from "../targets.ts";
import { candidatesFor } from "./candidates.ts";

/** `omni complete -- <words>`, which the shells' scripts call: prints a candidate a line. */
export async function complete(specs: readonly CommandSpec[], args: readonly string[]): Promise<void> {
  const words = args[0] === "--" ? args.slice(1) : args;
  let targets: Targets | undefined;
  try {
    const candidates = await candidatesFor(specs, words.length === 0 ? [""] : words, async () => {
      targets = await openTargets(undefined);
      return targets;
    });
    for (const { value, about } of candidates) if (!/[\s\p{Cc}]/u.test(value)) process.stdout.write(`${value}\t${about}\n`);
  } catch (error) {
    // The scripts throw it away; who looks for a reason calls `omni complete` by hand.
    process.stderr.write(`${(error as Error).message}\n`);
  } finally {
    await targets?.close();
  }
}
