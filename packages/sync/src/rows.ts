import { type ObjectInfo, OmniError } from "@omni/core";
import { sameDigest } from "./digests.ts";
import type { Run } from "./engine.ts";
import { type Decision, Equality } from "./equality.ts";
import { type Completion, versionOf } from "./ledger.ts";
import type { Pool } from "./pool.ts";
import { type Fate, infoOf, type Waiting, waiting } from "./renames.ts";
import { asOmniError } from "./requests.ts";
import { type Entry, nameOf } from "./side.ts";
import type { Spool } from "./spool.ts";
import { copyTwin, isServerSide, type Transferred, transfer } from "./transfer.ts";

/** What the listings have at one path. */
export interface Row {
  /** What the listings were compared by. */
  readonly path: string;
  readonly source: Entry | undefined;
  readonly existing: Entry | undefined;
  readonly record: Completion | undefined;
  /** The same in the place that is compared with. */
  readonly other: Entry | undefined;
}

/** One copy to make. */
interface Copy {
  readonly name: string;
  /** What the journal knows the path by. */
  readonly key: string;
  readonly source: ObjectInfo;
  readonly toPath: string;
  readonly existing?: ObjectInfo | undefined;
  /** The same object elsewhere at the destination's store: copied instead of the source. */
  readonly twin?: ObjectInfo | undefined;
  readonly reason?: string | undefined;
}

/** Decides on each path and does what follows. */
export class Rows {
  readonly #run: Run;
  readonly #equality: Equality;
  readonly #fresh: Spool<Waiting>;

  /** @param fresh takes what is new at the source while renames are tracked */
  constructor(run: Run, fresh: Spool<Waiting>) {
    this.#run = run;
    this.#equality = new Equality(run.job, run.requests);
    this.#fresh = fresh;
  }

  /** Something that only the destination has, where nothing is deleted. */
  extra(name: string): void {
    const { verb, oneWay } = this.#run.job;
    if ((verb === "check" || verb === "verify" || verb === "diff") && !oneWay)
      this.#run.tally.note({ mark: "-", path: name, action: "none", bytes: 0 }, "differing");
  }

  /** A path that the source has, or that only the journal knows. Returns when there is room for the next. */
  async take(row: Row, checkers: Pool): Promise<void> {
    const { source, existing, record } = row;
    const { ledger, job } = this.#run;
    if (!source) {
      // What a filter hides is not gone.
      const isGone = record && (!job.filter || job.filter.includesPath(record.path));
      if (isGone && !job.dryRun) ledger?.add({ path: record.path, source: "", destination: "" });
      return;
    }
    const name = nameOf(job.from, source);
    await checkers.add(async () => {
      try {
        if (existing) await this.#both(name, row, source.info, existing.info);
        else await this.#missing(name, row, source.info);
      } catch (error) {
        if (!this.#run.requests.signal.aborted) this.#run.tally.fail(name, "none", asOmniError(error));
      }
    });
  }

  /** Copies something new, after renames have been found. */
  async copyLater(fresh: Waiting): Promise<void> {
    const { to } = this.#run.job;
    await this.#copy({ name: fresh.name, key: fresh.name, source: infoOf(fresh), toPath: to.prefix + fresh.name });
  }

  async rename({ fresh, gone }: Extract<Fate, { kind: "rename" }>): Promise<void> {
    const { job, requests, tally, ledger } = this.#run;
    const { backend, prefix } = job.to;
    const toPath = prefix + fresh.name;
    try {
      if (!job.dryRun) {
        let info = await requests.make((call) => backend.move(gone.path, toPath, call));
        const { modifiedAt } = infoOf(fresh);
        if (modifiedAt && backend.supports("setMetadata") && info.modifiedAt?.getTime() !== modifiedAt.getTime())
          info = await requests.make((call) => backend.setMetadata(toPath, { modifiedAt }, call));
        ledger?.add({ path: gone.name, source: "", destination: "" });
        this.#record(fresh.name, infoOf(fresh), info);
      }
      tally.note({ mark: "+", path: fresh.name, action: "rename", bytes: 0, other: gone.name }, "renamed");
    } catch (error) {
      if (!requests.signal.aborted) tally.fail(fresh.name, "rename", asOmniError(error));
    }
  }

  async #missing(name: string, { path, other }: Row, source: ObjectInfo): Promise<void> {
    const { job, tally } = this.#run;
    const { verb, compare } = job;
    if (verb === "check" || verb === "verify" || verb === "diff") {
      tally.note({ mark: "+", path: name, action: "none", bytes: 0 }, "differing");
      return;
    }
    if (compare && other) {
      const decision = await this.#equality.decide(source, other.info, compare);
      if (decision.kind === "same") {
        if (job.copyDest === undefined)
          tally.note({ mark: "+", path: name, action: "skip", bytes: 0, reason: "it is the same in compareDest" }, "skipped");
        else await this.#copy({ name, key: path, source, toPath: job.to.prefix + name, twin: other.info, reason: "copyDest" });
        return;
      }
    }
    if (verb === "sync" && job.trackRenames) await this.#fresh.push(waiting(name, source));
    else await this.#copy({ name, key: path, source, toPath: job.to.prefix + name });
  }

  async #both(name: string, row: Row, source: ObjectInfo, existing: ObjectInfo): Promise<void> {
    const { job, tally } = this.#run;
    const { path, record } = row;
    if (job.verb === "check" || job.verb === "verify") return this.#check(name, source, existing);
    const decision = await this.#equality.decide(source, existing, job.to, record);
    if (job.verb === "diff") {
      const same = decision.kind === "same" || decision.kind === "keep";
      if (decision.kind === "same") tally.found(decision.evidence);
      tally.note({ mark: same ? "=" : "*", path: name, action: "none", bytes: 0 }, same ? "same" : "differing");
      return;
    }
    switch (decision.kind) {
      case "refuse":
        tally.fail(name, "update", decision.error);
        return;
      case "keep":
        tally.note({ mark: "=", path: name, action: "skip", bytes: 0, reason: decision.reason }, "skipped");
        return;
      case "same":
        await this.#same(name, row, source, existing, decision);
        return;
      case "touch":
        if (await this.#touch(name, path, source, existing, decision.modifiedAt)) return;
        await this.#copy({ name, key: path, source, toPath: existing.path, existing, reason: "time" });
        return;
      case "update":
        await this.#copy({ name, key: path, source, toPath: existing.path, existing, reason: decision.reason });
    }
  }

  async #check(name: string, source: ObjectInfo, existing: ObjectInfo): Promise<void> {
    const { job, tally, requests } = this.#run;
    const sameSize = source.size === existing.size;
    const reading = job.verb === "verify" || job.checksum === true;
    const same =
      sameSize && (await sameDigest({ side: job.from, info: source }, { side: job.to, info: existing }, reading, requests));
    if (same === false)
      tally.note({ mark: "*", path: name, action: "none", bytes: 0, reason: sameSize ? "digest" : "size" }, "differing");
    else {
      tally.found(same ? "digest" : "size");
      tally.note(
        { mark: "=", path: name, action: "none", bytes: 0, ...(same ? {} : { reason: "size alone: no common digest" }) },
        "same",
      );
    }
  }

  async #same(
    name: string,
    { path, record }: Row,
    source: ObjectInfo,
    existing: ObjectInfo,
    { evidence }: Extract<Decision, { kind: "same" }>,
  ): Promise<void> {
    const { job, tally } = this.#run;
    if (job.verb === "move" && !(await this.#provenSame(source, existing)))
      return this.#copy({ name, key: path, source, toPath: existing.path, existing, reason: "digest" });
    tally.found(evidence);
    tally.note({ mark: "=", path: name, action: "none", bytes: 0 }, "same");
    if (evidence !== "record" || !record) this.#record(path, source, existing);
    if (job.verb === "move") await this.#removeSource(name, source);
  }

  /** A source is deleted only for a copy that is proven: times and sizes are no proof. */
  #provenSame(source: ObjectInfo, existing: ObjectInfo): Promise<boolean | undefined> {
    const { job, requests } = this.#run;
    return sameDigest({ side: job.from, info: source }, { side: job.to, info: existing }, true, requests);
  }

  /** Sets the modification time alone; `false` where the destination cannot. */
  async #touch(name: string, path: string, source: ObjectInfo, existing: ObjectInfo, modifiedAt: Date): Promise<boolean> {
    const { job, tally, requests } = this.#run;
    const { backend } = job.to;
    if (!backend.supports("setMetadata")) return false;
    if (!job.dryRun) {
      const only = backend.features.conditional.replace && existing.etag !== undefined ? { ifMatch: existing.etag } : {};
      const info = await requests.make((call) => backend.setMetadata(existing.path, { modifiedAt }, { ...call, ...only }));
      this.#record(path, source, info);
    }
    tally.note({ mark: "*", path: name, action: "touch", bytes: 0, reason: "time" }, "touched");
    if (job.verb === "move") await this.#removeSource(name, source);
    return true;
  }

  /** Hands a copy to the transfers; returns when it has begun. */
  async #copy(copy: Copy): Promise<void> {
    const { budget, progress, transfers } = this.#run;
    const { size } = copy.source;
    if (!budget.admits(size)) return;
    progress.plannedObjects++;
    progress.plannedBytes += size;
    await transfers.add(() => this.#copyNow(copy));
  }

  async #copyNow(copy: Copy): Promise<void> {
    const { job, tally, progress, budget } = this.#run;
    if (budget.isTooLate) return;
    const { name, key, source, existing, reason } = copy;
    const moves = job.verb === "move";
    const action = existing ? "update" : "copy";
    const entry = { mark: existing ? "*" : "+", path: name, action, ...(reason === undefined ? {} : { reason }) } as const;
    const count = existing ? "updated" : "copied";
    if (job.dryRun) {
      tally.note({ ...entry, bytes: source.size }, count);
      if (moves) tally.counts.removedAtSource++;
      return;
    }
    progress.begin(name, source.size);
    let bytes: number | undefined;
    try {
      const done = await this.#transfer(copy, moves);
      bytes = done.bytes;
      tally.proved(done.proof);
      this.#record(key, done.source, done.info);
      tally.note({ ...entry, bytes }, count);
      if (moves && isServerSide(job)) tally.counts.removedAtSource++;
      else if (moves) await this.#removeSource(name, done.source);
    } catch (error) {
      if (job.signal?.aborted) return;
      tally.fail(name, action, asOmniError(error));
      progress.failed++;
    } finally {
      progress.end(name, bytes);
    }
  }

  async #transfer({ name, source, toPath, existing, twin }: Copy, moves: boolean): Promise<Transferred> {
    const { job, requests } = this.#run;
    const { backupPrefix, to } = job;
    if (existing && backupPrefix !== undefined)
      await requests.make((call) => to.backend.copy(existing.path, backupPrefix + existing.path.slice(to.prefix.length), call));
    return twin ? copyTwin(this.#run, source, twin, toPath) : transfer(this.#run, { name, source, toPath, existing, moves });
  }

  /** Deletes the source of a copy that was verified, if it is still what was copied. */
  async #removeSource(name: string, source: ObjectInfo): Promise<void> {
    const { job, tally, requests } = this.#run;
    const { backend } = job.from;
    try {
      if (!job.dryRun) {
        const canAsk = backend.features.conditional.delete && source.etag !== undefined;
        if (!canAsk) {
          const now = await requests.stat(job.from, source.path);
          if (now.etag !== source.etag || now.size !== source.size)
            throw new OmniError("PRECONDITION_FAILED", {
              operation: "delete",
              path: source.path,
              reason: "the source changed after it was copied; it was kept",
              outcome: "not-applied",
            });
        }
        await requests.make((call) => backend.delete(source.path, { ...call, ...(canAsk ? { ifMatch: source.etag } : {}) }));
      }
      tally.counts.removedAtSource++;
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) tally.counts.removedAtSource++;
      else if (!requests.signal.aborted) tally.fail(name, "delete", asOmniError(error));
    }
  }

  #record(path: string, source: ObjectInfo, destination: ObjectInfo): void {
    const { job, ledger } = this.#run;
    if (!ledger || job.dryRun) return;
    const [from, to] = [versionOf(job.from, source), versionOf(job.to, destination)];
    if (from !== undefined && to !== undefined) ledger.add({ path, source: from, destination: to });
  }
}
