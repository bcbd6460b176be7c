import { type Backend, type BodySource, createBackend, extend, type WriteOptions } from "@omni/core";
import { multiDriver } from "./driver.ts";
import type { MultiEvents } from "./events.ts";
import { makeGroup } from "./group.ts";
import { type Guarantee, guaranteeOf } from "./guarantee.ts";
import { type Member, type MemberSource, nameMembers } from "./members.ts";
import { completeOptions, type MultiOptions } from "./options.ts";
import type { MultiObjectInfo, MultiObjectWriter } from "./outcome.ts";
import { Reads } from "./reads.ts";

/** Several stores as one backend. Every write goes to all of them at once; what it gives or throws says how each member fared. */
export interface MultiBackend extends Backend {
  /** The members, in the order in which they are read. */
  readonly members: readonly Member[];
  /** How many members there are. */
  readonly count: number;
  /** What this configuration promises. */
  readonly guarantee: Guarantee;
  /** What happens in this group; the diagnostics channel `omni:multi` has it of every group. */
  readonly events: MultiEvents;
  /**
   * Writes to every member. Resolves when enough of them hold the whole object.
   *
   * @throws MultiError PARTIAL_FAILURE or QUORUM_FAILED: `outcomes` has every member; `outcome` is `not-applied` when none was changed
   */
  write(path: string, body: BodySource, options?: WriteOptions): Promise<MultiObjectInfo>;
  createWriter(path: string, options?: WriteOptions): MultiObjectWriter;
}

/**
 * Makes one backend of several: one write goes to all of them, read once and staged everywhere before anything is visible.
 *
 * @param backends the members, `null` and `undefined` left out; they belong to the caller unless `closeMembers`
 * @param options how many must take a write, deadlines and windows
 * @throws OmniError INVALID_ARGUMENT for no member, the same store twice, or options that do not fit
 */
export function multi(backends: readonly MemberSource[], options: MultiOptions = {}): MultiBackend {
  const mode = options.mode ?? "all";
  const members = nameMembers(backends, mode);
  const settings = completeOptions(options, members.length);
  const group = makeGroup(members, settings);
  const reads = new Reads(group);
  const backend = createBackend(multiDriver(group, reads), { clock: settings.clock });
  const guarantee = guaranteeOf(members, settings, reads.notFoundNeeds);
  const extras = { members, count: members.length, guarantee, events: group.events };
  return extend(backend, extras) as MultiBackend;
}
