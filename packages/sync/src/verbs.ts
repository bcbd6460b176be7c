import { runJob } from "./engine.ts";
import { prepareJob, type SyncOptions } from "./options.ts";
import type { SyncReport } from "./report.ts";

/**
 * Makes the destination what the source is: copies what is missing or different, deletes what the source does not have.
 *
 * Every verb resolves with a report, also when something failed: look at `report.ok`.
 *
 * @throws OmniError INVALID_ARGUMENT (options; places that overlap), NOT_SUPPORTED; the signal's reason after an abort
 */
export async function sync(options: SyncOptions): Promise<SyncReport> {
  return runJob(prepareJob("sync", options));
}

/** Copies what is missing or different at the destination; deletes nothing. @throws as {@link sync} */
export async function copy(options: SyncOptions): Promise<SyncReport> {
  return runJob(prepareJob("copy", options));
}

/** Copies, then deletes each source whose own copy was verified. @throws as {@link sync} */
export async function move(options: SyncOptions): Promise<SyncReport> {
  return runJob(prepareJob("move", options));
}

/** Compares sizes and the digests that both stores state; where they state none in common the size alone, which is said. @throws as {@link sync} */
export async function check(options: SyncOptions): Promise<SyncReport> {
  return runJob(prepareJob("check", options));
}

/** Compares sizes and digests, reading what no store states a digest of. @throws as {@link sync} */
export async function verify(options: SyncOptions): Promise<SyncReport> {
  return runJob(prepareJob("verify", options));
}

/** Says what `sync` would find different, by the same rules. @throws as {@link sync} */
export async function diff(options: SyncOptions): Promise<SyncReport> {
  return runJob(prepareJob("diff", options));
}

/** What `migrate` takes. */
export interface MigrateOptions extends SyncOptions {
  /** Objects copied at once. @default 10 */
  readonly concurrency?: number | undefined;
}

/**
 * Moves a whole store, or a prefix of it, to another: copies with a journal. After a crash the same call goes on where the journal ends; nothing is
 * copied twice after its completion was recorded. The source stays.
 *
 * @throws as {@link sync}; NOT_SUPPORTED where the journal's store cannot create conditionally
 */
export async function migrate({ concurrency = 10, ...options }: MigrateOptions): Promise<SyncReport> {
  return runJob(prepareJob("migrate", { transfers: concurrency, journal: true, ...options }));
}
