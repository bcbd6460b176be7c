import { comparePaths, type OmniError } from "@omni/core";
import type { Job } from "./options.ts";
import {
  makeReport,
  type Proof,
  type SyncAction,
  type SyncCounts,
  type SyncEntry,
  type SyncFailure,
  type SyncReport,
} from "./report.ts";

/** Gathers what a run does, for its report. */
export class Tally {
  readonly #job: Job;
  readonly #startedAt: number;
  readonly #entries: SyncEntry[] = [];
  readonly #proofs: Record<Proof, number> = { digest: 0, read: 0, size: 0 };
  readonly #evidence: Record<string, number> = {};
  #omitted = 0;
  readonly failures: SyncFailure[] = [];
  readonly counts: SyncCounts = {
    checked: 0,
    same: 0,
    skipped: 0,
    copied: 0,
    updated: 0,
    touched: 0,
    renamed: 0,
    deleted: 0,
    removedAtSource: 0,
    differing: 0,
    failed: 0,
  };
  bytes = 0;
  stopped: SyncReport["stopped"];
  deletesWithheld: string | undefined;
  /** A listing failed: what it did not show is unknown. */
  unlisted = false;

  constructor(job: Job) {
    this.#job = job;
    this.#startedAt = job.clock.now();
  }

  note(entry: SyncEntry, count: keyof SyncCounts): void {
    this.counts[count]++;
    this.bytes += entry.bytes;
    this.#keep(entry);
  }

  fail(path: string, action: SyncAction, error: OmniError): void {
    this.counts.failed++;
    this.failures.push({ path, action, error });
    this.#keep({ mark: "!", path, action, bytes: 0, reason: error.code });
    if (this.failures.length >= this.#job.maxFailures) this.stopped ??= "maxFailures";
  }

  proved(proof: Proof): void {
    this.#proofs[proof]++;
  }

  found(evidence: string): void {
    this.#evidence[evidence] = (this.#evidence[evidence] ?? 0) + 1;
  }

  report(): SyncReport {
    const { verb, dryRun, clock } = this.#job;
    const { counts, bytes, failures, stopped, deletesWithheld } = this;
    return makeReport({
      verb,
      dryRun,
      ok: counts.failed === 0 && counts.differing === 0,
      complete: stopped === undefined && !this.unlisted,
      ...(stopped === undefined ? {} : { stopped }),
      ...(deletesWithheld === undefined ? {} : { deletesWithheld }),
      counts,
      bytes,
      proofs: this.#proofs,
      evidence: this.#evidence,
      failures,
      entries: this.#entries.sort((a, b) => comparePaths(a.path, b.path)),
      entriesOmitted: this.#omitted,
      durationMs: clock.now() - this.#startedAt,
    });
  }

  #keep(entry: SyncEntry): void {
    this.#job.onEntry?.(entry);
    if (this.#entries.length < (this.#job.maxEntries ?? 10_000)) this.#entries.push(entry);
    else this.#omitted++;
  }
}
