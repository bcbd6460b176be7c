import type { CommandSpec } from "../command.ts";
import { groupCommands } from "./groups.ts";
import { queueCommands } from "./queues.ts";
import { shellCommands } from "./shells.ts";
import { storeCommands } from "./stores.ts";
import { syncCommands } from "./syncs.ts";
import { toolCommands } from "./tools.ts";

/** Every command, in the order of `omni --help`. */
export const specs: readonly CommandSpec[] = [
  ...storeCommands,
  ...syncCommands,
  ...groupCommands,
  ...queueCommands,
  ...toolCommands,
  ...shellCommands,
];
