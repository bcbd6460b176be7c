import { mergeListings } from "@omni/core/merge";
import { Budget } from "./budget.ts";
import { Deletions, refusalOf } from "./deletions.ts";
import { type Completion, Ledger, type LedgerPlace, ledgerName } from "./ledger.ts";
import { Throttle } from "./limits.ts";
import type { Job } from "./options.ts";
import { partsPrefix } from "./parts.ts";
import { Pool } from "./pool.ts";
import { Progress } from "./progress.ts";
import { pairRenames, type Waiting, waiting } from "./renames.ts";
import type { SyncReport } from "./report.ts";
import { asOmniError, Requests } from "./requests.ts";
import { Rows } from "./rows.ts";
import { type Entry, type ListingOptions, listSide, nameOf, recordsOf, type Side } from "./side.ts";
import { Spool } from "./spool.ts";
import { Tally } from "./tally.ts";

/** What an engine's parts share. */
export interface Run {
  readonly job: Job;
  readonly tally: Tally;
  readonly budget: Budget;
  readonly requests: Requests;
  readonly throttle: Throttle;
  readonly progress: Progress;
  readonly transfers: Pool;
  readonly ledger: Ledger | undefined;
  /** Where the journal is. */
  readonly place: LedgerPlace | undefined;
}

/**
 * Runs a job: listings merged in constant memory, a decision for each path, and what follows from it, several at once.
 *
 * @returns the report, also when things failed
 * @throws the signal's reason when it aborted; OmniError when the run could not begin
 */
export async function runJob(job: Job): Promise<SyncReport> {
  const tally = new Tally(job);
  const budget = new Budget(job, tally);
  const requests = new Requests(job, budget.signal);
  try {
    const place = placeOf(job);
    const ledger = place && (await Ledger.open(place, requests.call, job.clock, !job.dryRun));
    const run: Run = {
      job,
      tally,
      budget,
      requests,
      throttle: new Throttle(job.bandwidth, job.clock),
      progress: new Progress(job.onProgress, job.clock),
      transfers: new Pool(job.transfers),
      ledger,
      place,
    };
    await new Engine(run).run();
    job.signal?.throwIfAborted();
    return tally.report();
  } finally {
    budget.release();
  }
}

/** Where a run keeps its journal; `undefined` = it keeps none. */
function placeOf({ journal, from, to, verb, keepPartsAboveBytes }: Job): LedgerPlace | undefined {
  const needed = [from, to].some(({ backend: { features } }) => features.listsUploadTime || !features.setModTime);
  const wanted = journal ?? (needed || keepPartsAboveBytes !== undefined);
  const reads = verb === "check" || verb === "verify";
  if (!wanted || reads) return undefined;
  const given = typeof journal === "object" ? journal : undefined;
  // Wanted by nobody in particular: a store that cannot keep one goes without.
  if (journal === undefined && !to.backend.features.conditional.create) return undefined;
  const name = ledgerName(from, to);
  return given
    ? { backend: given, prefix: `omni-sync/${name}/` }
    : { backend: recordsOf(to.backend), prefix: `.omni/sync/${name}/` };
}

class Engine {
  readonly #run: Run;
  readonly #fresh = new Spool<Waiting>();
  readonly #gone = new Spool<Waiting>();
  readonly #rows: Rows;
  readonly #deletions: Deletions;
  #sourceObjects = 0;
  #destinationObjects = 0;

  constructor(run: Run) {
    this.#run = run;
    this.#rows = new Rows(run, this.#fresh);
    const forget = (name: string): void => run.ledger?.add({ path: name, source: "", destination: "" });
    this.#deletions = new Deletions(run.job, run.requests, run.tally, run.transfers, forget);
  }

  async run(): Promise<void> {
    const { job, tally, progress, ledger } = this.#run;
    try {
      if (job.verb === "sync" && job.deletes !== "after" && !(await this.#deleteFirst())) return;
      await this.#compare();
      if (job.verb === "sync" && job.trackRenames) await this.#rename();
      if (job.verb === "sync" && job.deletes === "after") await this.#deleteAfter();
      progress.enter("done");
    } finally {
      await this.#run.transfers.idle();
      await Promise.all([this.#fresh.remove(), this.#gone.remove()]);
      if (ledger && !job.dryRun)
        await this.#closeLedger(ledger, tally.counts.failed === 0 && tally.stopped === undefined && !tally.unlisted);
    }
  }

  /** The main pass. */
  async #compare(): Promise<void> {
    const { job, tally, budget, requests, ledger, progress } = this.#run;
    const checkers = new Pool(job.checkers);
    const third = job.compare ? [listSide(job.compare, this.#listing(true))] : [];
    try {
      const merged = mergeListings<Entry | Completion>(
        [
          listSide(job.from, this.#listing(true)),
          listSide(job.to, this.#listing(!job.deleteExcluded)),
          ledger?.listing() ?? { items: nothing() },
          ...third,
        ],
        { signal: requests.signal },
      );
      for await (const { path, entries } of merged) {
        if (budget.isOver) break;
        const [source, existing, record, other] = entries as [Entry?, Entry?, Completion?, Entry?];
        const row = { path, source: await this.#wanted(job.from, source), existing, record, other };
        if (row.source) this.#sourceObjects++;
        if (existing) this.#destinationObjects++;
        progress.checked = ++tally.counts.checked;
        if (!row.source && existing) await this.#extra(existing);
        else await this.#rows.take(row, checkers);
      }
    } catch (error) {
      if (!requests.signal.aborted) this.#unlisted(error);
    } finally {
      await checkers.idle();
      await this.#run.transfers.idle();
    }
  }

  #listing(filtered: boolean): ListingOptions {
    const { job, requests } = this.#run;
    const { filter, normalize = false, retries, clock } = job;
    return { filter: filtered ? filter : undefined, normalize, call: requests.call, retries, clock };
  }

  /** An object, unless its size or age leaves it out. */
  async #wanted(side: Side, entry: Entry | undefined): Promise<Entry | undefined> {
    const { filter } = this.#run.job;
    if (!entry || !filter) return entry;
    // The age is that of the content, not that of the upload.
    const asks = filter.usesAge && side.backend.features.listsUploadTime;
    const info = asks ? await this.#run.requests.stat(side, entry.info.path) : entry.info;
    return filter.includes(nameOf(side, entry), info) ? entry : undefined;
  }

  /** Something at the destination that the source lacks, unless it takes no part. */
  async #isExtra(existing: Entry): Promise<boolean> {
    const { job } = this.#run;
    return job.deleteExcluded === true || (await this.#wanted(job.to, existing)) !== undefined;
  }

  /** Something that only the destination has. */
  async #extra(existing: Entry): Promise<void> {
    const { job } = this.#run;
    const name = nameOf(job.to, existing);
    if (!(await this.#isExtra(existing))) return;
    if (job.verb !== "sync") this.#rows.extra(name);
    else if (job.deletes === "after") await this.#gone.push(waiting(name, existing.info));
    else if (job.deletes === "during" && this.#run.tally.counts.failed === 0)
      await this.#run.transfers.add(() => this.#deletions.one(waiting(name, existing.info)));
  }

  /** A pass over the listings alone: what would be deleted, and whether it may. `false` = it may not, and nothing else is done either. */
  async #deleteFirst(): Promise<boolean> {
    const { job, requests, tally } = this.#run;
    let sourceObjects = 0;
    let destinationObjects = 0;
    try {
      const merged = mergeListings(
        [listSide(job.from, this.#listing(true)), listSide(job.to, this.#listing(!job.deleteExcluded))],
        {
          signal: requests.signal,
        },
      );
      for await (const { entries } of merged) {
        const [source, existing] = entries as [Entry?, Entry?];
        if (existing) destinationObjects++;
        if (await this.#wanted(job.from, source)) sourceObjects++;
        else if (existing && (await this.#isExtra(existing)))
          await this.#gone.push(waiting(nameOf(job.to, existing), existing.info));
      }
    } catch (error) {
      if (!requests.signal.aborted) this.#unlisted(error);
      return false;
    }
    if (this.#withheld({ deletes: this.#gone.length, sourceObjects, destinationObjects })) return false;
    if (job.deletes === "before") {
      await this.#deletions.all(this.#gone.items());
      // The main pass will not see them again.
      if (!job.dryRun) tally.counts.checked += tally.counts.deleted;
    }
    return tally.counts.failed === 0;
  }

  async #deleteAfter(): Promise<void> {
    const { tally, progress, budget } = this.#run;
    const deletes = this.#gone.length;
    if (deletes === 0) return;
    if (tally.unlisted || tally.counts.failed > 0)
      tally.deletesWithheld = tally.unlisted ? "not everything could be listed" : "something failed before";
    else if (budget.isOver) tally.deletesWithheld = `the run ended early (${tally.stopped ?? "aborted"})`;
    else if (!this.#withheld({ deletes, sourceObjects: this.#sourceObjects, destinationObjects: this.#destinationObjects })) {
      progress.enter("deleting");
      await this.#deletions.all(this.#gone.items());
    }
  }

  #withheld(plan: Parameters<typeof refusalOf>[1]): boolean {
    const { job, tally } = this.#run;
    const refusal = refusalOf(job, plan);
    if (!refusal) return false;
    tally.deletesWithheld = refusal.reason;
    tally.fail("", "delete", refusal);
    return true;
  }

  /** Renames what can be, copies the rest of what is new, and leaves the rest of what is gone to be deleted. */
  async #rename(): Promise<void> {
    const { job, requests, tally, progress, budget, transfers } = this.#run;
    progress.enter("renaming");
    const mayRename = tally.counts.failed === 0 && !budget.isOver;
    const rest = new Spool<Waiting>();
    try {
      const fates = mayRename ? pairRenames(job, this.#fresh, this.#gone, requests) : copiesOf(this.#fresh);
      for await (const fate of fates) {
        if (fate.kind === "delete") await rest.push(fate.gone);
        else if (fate.kind === "copy") await this.#rows.copyLater(fate.fresh);
        else await transfers.add(() => this.#rows.rename(fate));
      }
      await transfers.idle();
      if (mayRename && tally.counts.failed === 0) await this.#gone.replace(rest.items());
    } catch (error) {
      if (requests.signal.aborted) return;
      tally.fail("", "rename", asOmniError(error));
    } finally {
      await rest.remove();
    }
  }

  #unlisted(error: unknown): void {
    const { job, tally } = this.#run;
    tally.unlisted = true;
    tally.fail(job.from.prefix, "list", asOmniError(error));
  }

  async #closeLedger(ledger: Ledger, join: boolean): Promise<void> {
    try {
      await ledger.close(join);
      const { job, place, requests } = this.#run;
      // Parts of versions that are gone: nobody will ask for them.
      if (join && place && job.keepPartsAboveBytes !== undefined) await place.backend.purge(partsPrefix(place), requests.call);
    } catch (error) {
      this.#run.tally.fail("", "none", asOmniError(error));
    }
  }
}

/** A listing of nothing, in the journal's place. */
async function* nothing(): AsyncGenerator<never, void> {}

async function* copiesOf(fresh: Spool<Waiting>): AsyncGenerator<{ readonly kind: "copy"; readonly fresh: Waiting }, void> {
  for await (const one of fresh.items()) yield { kind: "copy", fresh: one };
}
