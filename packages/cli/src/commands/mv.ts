import type { Run } from "../command.ts";
import type { OptionsOf } from "../options.ts";
import type { CP_OPTIONS } from "./stores.ts";
import { transferEach } from "./transfers.ts";

/** `omni mv`. */
export const run: Run<OptionsOf<typeof CP_OPTIONS>> = (context, places, options) => transferEach("move", context, places, options);
