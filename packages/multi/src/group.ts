import { type Clock, systemClock } from "@omni/core";
import { MultiEvents } from "./events.ts";
import { Health } from "./health.ts";
import type { Member } from "./members.ts";
import type { MultiSettings } from "./options.ts";
import type { RepairNotes } from "./repair-notes.ts";

/** What the parts of a group share. */
export interface Group {
  readonly members: readonly Member[];
  readonly settings: MultiSettings;
  readonly clock: Clock;
  readonly health: Health;
  readonly events: MultiEvents;
  /** Where missed changes are kept, when the group has a journal. */
  readonly notes?: RepairNotes | undefined;
}

export function makeGroup(members: readonly Member[], settings: MultiSettings, notes?: RepairNotes): Group {
  const clock = settings.clock ?? systemClock;
  const events = new MultiEvents();
  return { members, settings, clock, health: new Health(members, settings.breaker, clock, events), events, notes };
}
