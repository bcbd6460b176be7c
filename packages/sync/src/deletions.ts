import { OmniError } from "@omni/core";
import { deleteLimit, type Job } from "./options.ts";
import type { Pool } from "./pool.ts";
import { infoOf, type Waiting } from "./renames.ts";
import { asOmniError, type Requests } from "./requests.ts";
import type { Tally } from "./tally.ts";

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
    for await (const one of plan) {
      if (this.#tally.counts.failed > failuresBefore || this.#requests.signal.aborted) {
        this.#tally.deletesWithheld ??= "a delete failed; the rest was left";
        break;
      }
      await this.#pool.add(() => this.one(one));
    }
    await this.#pool.idle();
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
      if (!dryRun) this.#onDeleted(gone.name);
      this.#tally.note({ mark: "-", path: gone.name, action: "delete", bytes: 0 }, "deleted");
    } catch (error) {
      // Gone already is what was wanted.
      if (OmniError.is(error, "NOT_FOUND")) this.#tally.note({ mark: "-", path: gone.name, action: "delete", bytes: 0 }, "deleted");
      else this.#tally.fail(gone.name, "delete", asOmniError(error));
    }
  }
}
