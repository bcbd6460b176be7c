import type { CommandSpec } from "../command.ts";
import { storeCommands } from "./stores.ts";

/** Every command, in the order of `omni --help`. */
export const specs: readonly CommandSpec[] = [...storeCommands];
