export type { Guarantee } from "./guarantee.ts";
export type { Member, MemberSource } from "./members.ts";
export { type MultiBackend, multi } from "./multi.ts";
export { type MultiOptions, WRITE_MODES, type WriteMode } from "./options.ts";
export type { MultiObjectInfo, MultiObjectWriter, WriteOutcome, WritePhase } from "./outcome.ts";
