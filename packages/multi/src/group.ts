import { type Clock, type ObjectInfo, systemClock, type WriteOptions } from "@omni/core";
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
  /** What still goes on after the call that began it resolved; `close()` waits for it. */
  readonly background: Set<Promise<void>>;
}

export function makeGroup(members: readonly Member[], settings: MultiSettings, notes?: RepairNotes): Group {
  const clock = settings.clock ?? systemClock;
  const events = new MultiEvents();
  return {
    members,
    settings,
    clock,
    health: new Health(members, settings.breaker, clock, events),
    events,
    notes,
    background: new Set(),
  };
}

/**
 * An object's info as the group shows it: its etag is the write id, the only identity that members share.
 *
 * @param member whose view this is; nothing for what all hold
 */
export function groupInfo(info: ObjectInfo, member?: Member): ObjectInfo {
  return { ...info, etag: info.stamp?.id, version: undefined, ...(member ? { member: member.name } : {}) };
}

/** The options of a write that a member keeps; a group asks of each what it can. */
export function keptBy({ backend }: Member, options: WriteOptions): WriteOptions {
  return backend.features.stamps ? options : { ...options, stamp: undefined };
}
