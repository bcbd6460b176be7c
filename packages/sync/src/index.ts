export { compileFilter, type Filter, type FilterOptions } from "./filter/filter.ts";
export { type Bandwidth, bandwidthAt, type TimetableEntry } from "./limits.ts";
export type { DeletionOptions, EndOptions, EqualityOptions, LimitOptions, SyncOptions } from "./options.ts";
export type { ActiveCopy, SyncProgress } from "./progress.ts";
export type { Mark, Proof, SyncAction, SyncCounts, SyncEntry, SyncFailure, SyncReport } from "./report.ts";
export { check, copy, diff, type MigrateOptions, migrate, move, sync, verify } from "./verbs.ts";
