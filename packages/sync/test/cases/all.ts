import type { SyncCase } from "./case.ts";
import { DELETION } from "./deletion.ts";
import { EQUALITY } from "./equality.ts";
import { MOVING } from "./moving.ts";
import { SELECTION } from "./selection.ts";

/** Every named case. */
export const SYNC_CASES: readonly SyncCase[] = [...EQUALITY, ...DELETION, ...SELECTION, ...MOVING];
