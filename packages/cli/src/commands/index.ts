import type { CommandSpec } from "../command.ts";
import { shellCommands } from "./shells.ts";
import { storeCommands } from "./stores.ts";
import { syncCommands } from "./syncs.ts";

/** Every command, in the order of `omni --help`. */
export const specs: readonly CommandSpec[] = [...storeCommands, ...syncCommands, ...shellCommands];
