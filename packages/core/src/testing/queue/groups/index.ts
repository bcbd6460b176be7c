import type { QueueGroup } from "../trial.ts";
import { browsing } from "./browsing.ts";
import { closing } from "./closing.ts";
import { consuming } from "./consuming.ts";
import { deadLetters } from "./dead-letters.ts";
import { deduping } from "./deduping.ts";
import { grouping } from "./grouping.ts";
import { limits } from "./limits.ts";
import { ordering } from "./ordering.ts";
import { publishing } from "./publishing.ts";
import { recovery } from "./recovery.ts";
import { roundTrip } from "./round-trip.ts";
import { subscribing } from "./subscribing.ts";

/** Every case of the queue kit. */
export const QUEUE_GROUPS: readonly QueueGroup[] = [
  publishing,
  roundTrip,
  subscribing,
  ordering,
  grouping,
  consuming,
  deadLetters,
  deduping,
  limits,
  browsing,
  closing,
  recovery,
];
