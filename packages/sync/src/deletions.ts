import { OmniError } from "@omni/core";
import { deleteLimit, type Job } from "./options.ts";
import type { Pool } from "./pool.ts";
import { infoOf, type Waiting } from "./renames.ts";
import { asOmniError, type Requests } from "./requests.ts";
import type { Tally } from "./tally.ts";

/** What one request deletes at most, where stores take many: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
const BATCH = 1_000;

/** What of a destination only it has, and what must hold before anything of it is deleted. */
export interface DeletionPlan {
  readonly deletes: number;
  readonly sourceObjects: number;
  readonly destinationObjects: number;
}

/**
 * Why a plan of deletes may not be carried out, whatever else happens.
 *
 * @returns `undefined` = it may
 */
export function refusalOf(job: Job, { deletes, sourceObjects, destinationObjects }: DeletionPlan): OmniError | undefined {
  if (deletes === 0) return undefined;
  const refuse = (reason: string): OmniError =>
    new OmniError("PRECONDITION_FAILED", { operation: "delete", reason, outcome: "not-applied" });
  if (sourceObjects === 0 && !job.allowEmptySource)
    return refuse(`the source has no objects, and ${deletes} would be deleted; if that is meant, say allowEmptySource: true`);
  if (deletes > deleteLimit(job.maxDelete, destinationObjects))
    return refuse(
      `${deletes} of ${destinationObjects} objects would be deleted, more than maxDelete allows (${job.maxDelete ?? "50%"}); if that is meant, give a higher maxDelete, or false`,
    );
  return undefined;
}

/** Deletes objects at the destination: only as its listing showed them, where the store can tell; kept under `backupPrefix` where one is given. */
export class Deletions {
  readonly #job: Job;
  readonly #requests: Requests;
  readonly #tally: Tally;
  readonly #pool: Pool;
  readonly #onDeleted: (name: string) => void;

  constructor(job: Job, requests: Requests, tally: Tally, pool: Pool, onDeleted: (name: string) => void) {
    this.#job = job;
    this.#requests = requests;
    this.#tally = tally;
    this.#pool = pool;
    this.#onDeleted = onDeleted;
  }

  /** Deletes one after the other, several at once, and no more after the first that fails. */
  async all(plan: AsyncIterable<Waiting>): Promise<void> {
    const failuresBefore = this.#tally.counts.failed;
    const size = this.#inBatches ? BATCH : 1;
    let batch: Waiting[] = [];
    const flush = async (): Promise<void> => {
      const now = batch;
      batch = [];
      await this.#pool.add(async () => {
        if (size > 1) await this.#batch(now);
        else for (const one of now) await this.one(one);
      });
    };
    for await (const one of plan) {
      if (this.#tally.counts.failed > failuresBefore || this.#requests.signal.aborted) {
        this.#tally.deletesWithheld ??= "a delete failed; the rest was left";
        batch = [];
        break;
      }
      if (batch.push(one) >= size) await flush();
    }
    if (batch.length > 0) await flush();
    await this.#pool.idle();
  }

  /** Where a store deletes unconditionally in any case, it is asked for many at once. */
  get #inBatches(): boolean {
    const { dryRun, to, backupPrefix } = this.#job;
    const { conditional, deleteMany } = to.backend.features;
    return !dryRun && backupPrefix === undefined && deleteMany && !conditional.delete;
  }

  async #batch(gone: readonly Waiting[]): Promise<void> {
    const { backend } = this.#job.to;
    try {
      await this.#requests.turn();
      const { errors } = await backend.deleteMany(
        gone.map(({ path }) => path),
        this.#requests.call,
      );
      const failed = new Set(errors.map(({ path }) => path));
      for (const one of gone) {
        // Alone, with the retries that a batch does not have.
        if (failed.has(one.path)) await this.one(one);
        else this.#done(one);
      }
    } catch {
      // Which of them are gone is not known: asked one by one, each says for itself.
      for (const one of gone) await this.one(one);
    }
  }

  #done({ name }: Waiting): void {
    if (!this.#job.dryRun) this.#onDeleted(name);
    this.#tally.note({ mark: "-", path: name, action: "delete", bytes: 0 }, "deleted");
  }

  async one(gone: Waiting): Promise<void> {
    const { dryRun, to, backupPrefix } = this.#job;
    const { features } = to.backend;
    try {
      if (!dryRun && backupPrefix !== undefined) {
        await this.#requests.make((call) => to.backend.move(gone.path, backupPrefix + gone.name, call));
      } else if (!dryRun) {
        const { etag } = infoOf(gone);
        const only = features.conditional.delete && etag !== undefined ? { ifMatch: etag } : {};
        await this.#requests.make((call) => to.backend.delete(gone.path, { ...call, ...only }));
      }
      this.#done(gone);
    } catch (error) {
      // Gone already is what was wanted.
      if (OmniError.is(error, "NOT_FOUND")) this.#done(gone);
      else if (!this.#job.signal?.aborted) this.#tally.fail(gone.name, "delete", asOmniError(error));
    }
  }
}
