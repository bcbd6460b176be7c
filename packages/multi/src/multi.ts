import { type Backend, type BodySource, type CallOptions, createBackend, extend, OmniError, type WriteOptions } from "@omni/core";
import { multiDriver } from "./driver.ts";
import type { MultiEvents } from "./events.ts";
import { type Group, makeGroup } from "./group.ts";
import { type Guarantee, guaranteeOf } from "./guarantee.ts";
import { checkFitness } from "./journal/fitness.ts";
import { Journal } from "./journal/journal.ts";
import { mendByIntents } from "./journal/mending.ts";
import {
  type GroupSweepOptions,
  intents,
  type OpenIntent,
  type RecoverOptions,
  type RecoverReport,
  recover,
  sweepStale,
} from "./journal/recovery.ts";
import { withoutMarks } from "./marks.ts";
import { type Member, type MemberSource, nameMembers } from "./members.ts";
import { mendDirectly } from "./mending.ts";
import { NoteLog } from "./note-log.ts";
import { completeOptions, type MultiOptions, type MultiSettings } from "./options.ts";
import type { MultiObjectInfo, MultiObjectWriter } from "./outcome.ts";
import { ReadRepair } from "./read-repair.ts";
import { Reads } from "./reads.ts";
import { type RepairOptions, type RepairReport, repair, repairPath } from "./repair.ts";
import { notesOfHeads } from "./repair-notes.ts";
import { countEvents, type MultiStats } from "./stats.ts";
import { Verification, type VerifyOptions } from "./verify.ts";

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
  /** Counters since the group was made. */
  stats(): MultiStats;
  /**
   * Compares what the members hold: iterate it for a verdict on every object, or ask for its `summary()`. A difference is looked at again before it is
   * reported.
   *
   * @throws OmniError by the iteration, what a member says that cannot be listed: nothing is reported in its place
   */
  verify(options?: VerifyOptions): Verification;
  /**
   * Brings members that missed writes or deletes to what was decided: by the journal's notes, then by comparing all listings. Where nothing says which
   * member is right the path is reported `ambiguous` and left alone, unless `prefer` names the member that is.
   *
   * @throws OmniError INVALID_ARGUMENT; UNAVAILABLE and others when a member cannot be listed
   */
  repair(options?: RepairOptions): Promise<RepairReport>;
  /**
   * Writes to every member. Resolves when enough of them hold the whole object.
   *
   * @throws MultiError PARTIAL_FAILURE or QUORUM_FAILED: `outcomes` has every member; `outcome` is `not-applied` when none was changed
   */
  write(path: string, body: BodySource, options?: WriteOptions): Promise<MultiObjectInfo>;
  createWriter(path: string, options?: WriteOptions): MultiObjectWriter;
  /**
   * Finishes decided changes that some process left open. Any number of processes may do so at once.
   *
   * @throws OmniError NOT_SUPPORTED without a journal; what the journal says when it cannot be reached
   */
  recover(options?: RecoverOptions): Promise<RecoverReport>;
  /** Decided changes that are not confirmed by every member. @throws OmniError NOT_SUPPORTED without a journal */
  intents(options?: CallOptions): AsyncIterable<OpenIntent>;
  /**
   * Removes what writers that are gone left staged at the members, as far as they can; the tokens of open intents stay. Removes marks of deletes, too,
   * where they stay (`guarantee.marksStayOn`).
   *
   * @returns what each member that can sweep said
   */
  sweepStale(options?: GroupSweepOptions): Promise<Readonly<Record<string, unknown>>>;
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
  const group = makeGroup(members, settings, notesOf(members, settings));
  const journal = journalOf(group, settings);
  const mend = journal ? mendByIntents(group, journal) : mendDirectly(group);
  const seen = journal ? withoutMarks(group) : group;
  const known = journal ? { ...seen, notes: notesOfHeads(journal) } : group;
  const repairing = settings.readRepair ? new ReadRepair(known, mend) : undefined;
  const reads = new Reads(seen, repairing);
  const backend = createBackend(multiDriver(group, reads, journal), { clock: settings.clock });
  const guarantee = guaranteeOf(members, settings, reads.notFoundNeeds);
  const extras = { members, count: members.length, guarantee, events: group.events };
  const needed = (operation: string): Journal => {
    if (journal) return journal;
    const reason = "there is no journal: give multi() the option journal, in mode all";
    throw new OmniError("NOT_SUPPORTED", { backend: "multi", operation, reason, outcome: "not-applied" });
  };
  const stats = countEvents(group);
  const store: Backend = extend(backend, {
    ...extras,
    stats,
    verify: (given: VerifyOptions = {}) => new Verification(known, given),
    repair: (given: RepairOptions = {}) => repair(known, mend, given),
    recover: async (given: RecoverOptions = {}) => recover(group, needed("recover"), given),
    intents: (given?: CallOptions) => intents(needed("intents"), given),
    sweepStale: (given: GroupSweepOptions = {}) => sweepStale(group, journal, (path) => repairPath(known, mend, path), given),
  });
  return store as MultiBackend;
}

/** Where a group in mode `quorum` or `best-effort` keeps what members missed, when it has a journal. */
function notesOf(members: readonly Member[], settings: MultiSettings): NoteLog | undefined {
  const { journal, mode } = settings;
  return journal && mode !== "all" ? new NoteLog(journal, members, settings) : undefined;
}

/** The journal of a group in mode `all`. */
function journalOf(group: Group, { journal, mode, adopt, changeMembers }: MultiSettings): Journal | undefined {
  if (!journal || mode !== "all") return undefined;
  checkFitness(group.members, journal);
  return new Journal(group, journal, { adopt, changeMembers });
}
