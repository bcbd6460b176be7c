export {
  type MissedChange,
  type MultiEvent,
  type MultiEventMap,
  type MultiEventName,
  type MultiEvents,
  multiChannel,
  type RepairedMember,
} from "./events.ts";
export type { Guarantee } from "./guarantee.ts";
export type { GroupSweepOptions, OpenIntent, RecoverOptions, RecoverReport } from "./journal/recovery.ts";
export type { Member, MemberSource } from "./members.ts";
export { type MultiBackend, multi } from "./multi.ts";
export { type MultiOptions, READ_POLICIES, type ReadPolicy, WRITE_MODES, type WriteMode } from "./options.ts";
export type { MultiObjectInfo, MultiObjectWriter, WriteOutcome, WritePhase } from "./outcome.ts";
export type { RepairCounts, RepairOptions, RepairReport } from "./repair.ts";
export type { ContentCheck, Proof } from "./sights.ts";
export type { MemberStats, MultiStats } from "./stats.ts";
export type { ObjectVerdict, Verification, VerifyOptions, VerifySummary } from "./verify.ts";
