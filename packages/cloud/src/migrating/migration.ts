import { createHash } from "node:crypto";
import { type Backend, commonHash, createBackend, type ObjectInfo, OmniError } from "@omni/core";
import type { Fleet, FleetState, MoveOptions } from "@omni/core/fleet";
import { listingOf, type MergedRow, mergeListings } from "@omni/core/merge";
import type { Changing } from "./changing.ts";
import type { Holds } from "./holds.ts";
import { PHASES, type Phase } from "./phases.ts";
import { isSameWrite, Stores } from "./stores.ts";

/** How a pass over all objects is made. */
export interface PassOptions {
  /** Objects at a time. @default 10 */
  readonly concurrency?: number | undefined;
  /** Told after each object. */
  readonly onProgress?: ((report: PassReport) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a pass over all objects found. */
export interface PassReport {
  /** Paths looked at. */
  objects: number;
  /** The same in both stores. */
  equal: number;
  /** Brought over. */
  copied: number;
  /** Taken away from the new store, since the old one has them no more. */
  deleted: number;
  /** Unlike in the two stores, after a second look while nobody changed them. */
  differing: number;
  /** In the new store alone, and not written by a migration: left alone. */
  foreign: number;
  failed: number;
  /** The first hundred that differ, are foreign or failed. */
  readonly examples: { readonly path: string; readonly what: "differs" | "foreign" | "failed"; readonly error?: unknown }[];
}

interface Parts {
  readonly stores: Stores;
  readonly holds: Holds;
  readonly changing: Changing;
  readonly records: Backend;
  readonly name: string;
  readonly fleet: Fleet;
}

type Row = (
  path: string,
  entries: MergedRow["entries"],
  signal: AbortSignal | undefined,
) => Promise<keyof PassReport & ("equal" | "copied" | "deleted" | "differing" | "foreign")>;

/** Leads all instances of an application through the phases of a migration. */
export class Migration {
  readonly #parts: Parts;
  readonly #gates: Backend;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#gates = createBackend(parts.records.driver, { reserved: true });
  }

  /** The newest phase. Instances may still be on their way from the former one. */
  async phase(signal?: AbortSignal): Promise<Phase> {
    return (await this.#parts.fleet.state(signal)).state as Phase;
  }

  /** Every phase there was, the oldest first, with who moved it there and when. */
  history(signal?: AbortSignal): Promise<readonly FleetState[]> {
    return this.#parts.fleet.history(signal);
  }

  /**
   * Moves on to the next phase, when every instance runs the present one and what it is for has been reached.
   *
   * @returns the phase it is in now
   * @throws OmniError PRECONDITION_FAILED when something has to be done first: the error says what
   */
  async advance(options: MoveOptions = {}): Promise<Phase> {
    const { state, epoch } = await this.#parts.fleet.settled(options);
    const next = PHASES[PHASES.indexOf(state as Phase) + 1];
    if (!next) return state as Phase;
    if (next === "verify")
      await this.#need("backfill", epoch, "backfill() has not brought everything over in this phase", options.signal);
    if (next === "read-new")
      await this.#need("verify", epoch, "verify() has not found both stores alike in this phase", options.signal);
    if (next === "verify" || next === "read-new" || next === "new-only") await this.settle(options.signal);
    return this.#move(next, options);
  }

  /**
   * Moves back to the phase before. From the last one there is no way back.
   *
   * @throws OmniError INVALID_ARGUMENT in the first and the last phase
   */
  async rollback(options: MoveOptions = {}): Promise<Phase> {
    const { state } = await this.#parts.fleet.settled(options);
    const before = PHASES[PHASES.indexOf(state as Phase) - 1];
    if (!before) throw new OmniError("INVALID_ARGUMENT", { operation: "rollback", reason: `"${state}" is the first phase` });
    // From here on the old store is read again: nothing may wait to be brought there.
    if (state === "read-new") await this.settle(options.signal);
    return this.#move(before, options);
  }

  /**
   * Makes good what changes have left half done, and waits for those that are under way.
   *
   * @returns how many paths
   */
  async settle(signal?: AbortSignal): Promise<number> {
    let settled = 0;
    for await (const { path } of this.#parts.holds.all(signal)) {
      await this.#parts.changing.align(path, signal);
      settled += 1;
    }
    return settled;
  }

  /**
   * Brings to the new store what it lacks or has otherwise than the old one. Writers go on meanwhile; each object is held while it is copied. Whatever is
   * equal already costs two requests at most, so a pass that was broken off is simply begun anew.
   *
   * @throws OmniError PRECONDITION_FAILED before the phase `backfill` and after `read-new`
   */
  async backfill(options: PassOptions = {}): Promise<PassReport> {
    const { stores, changing } = this.#parts;
    const epoch = await this.#in(["backfill", "verify", "read-new"], "backfill", options.signal);
    const report = await this.#pass(options, async (path, [old, fresh], signal) => {
      if (!old) {
        const seen = (await stores.look(path, signal)).new;
        // What a writer has deleted since it was listed is nobody's.
        return !seen || Stores.isOurs(seen) ? changing.align(path, signal) : "foreign";
      }
      if (fresh) {
        const seen = await stores.look(path, signal);
        if (seen.old && seen.new && isSameWrite(seen.old, seen.new)) return "equal";
      }
      return changing.align(path, signal);
    });
    if (report.failed === 0) await this.#reached("backfill", epoch, report);
    return report;
  }

  /**
   * Compares every object of the two stores, changing nothing but what was left half done.
   *
   * @param options `content`: `digest` compares the bytes too, by digests that the stores state or by reading both; `stamp` believes write ids and sizes
   * @throws OmniError PRECONDITION_FAILED before the phase `verify` and after `read-new`
   */
  async verify(
    options: PassOptions & { /** @default "digest" */ readonly content?: "digest" | "stamp" | undefined } = {},
  ): Promise<PassReport> {
    const { stores, changing } = this.#parts;
    const epoch = await this.#in(["verify", "read-new"], "verify", options.signal);
    const isEqual = async (path: string, signal: AbortSignal | undefined): Promise<boolean> => {
      const { old, new: fresh } = await stores.look(path, signal);
      if (!old || !fresh) return old === fresh;
      return isSameWrite(old, fresh) && (options.content === "stamp" || (await this.#sameBytes(old, fresh, signal)));
    };
    const report = await this.#pass(options, async (path, [old, fresh], signal) => {
      if (!old && fresh && !Stores.isOurs(await stores.new.stat(path, { signal }).catch(() => fresh))) return "foreign";
      if (await isEqual(path, signal)) return "equal";
      // A change under way looks like a difference: once more, while nobody changes the path.
      return changing.undisturbed(path, signal, async () => ((await isEqual(path, signal)) ? "equal" : "differing"));
    });
    if (report.failed === 0 && report.differing === 0) await this.#reached("verify", epoch, report);
    return report;
  }

  async #sameBytes(old: ObjectInfo, fresh: ObjectInfo, signal: AbortSignal | undefined): Promise<boolean> {
    const { stores } = this.#parts;
    const common = commonHash(old.hashes, fresh.hashes);
    if (common) return old.hashes?.[common] === fresh.hashes?.[common];
    const [a, b] = await Promise.all([digestOf(stores.old, old.path, signal), digestOf(stores.new, fresh.path, signal)]);
    return a === b;
  }

  async #pass({ concurrency = 10, onProgress, signal }: PassOptions, row: Row): Promise<PassReport> {
    const { stores } = this.#parts;
    const report: PassReport = { objects: 0, equal: 0, copied: 0, deleted: 0, differing: 0, foreign: 0, failed: 0, examples: [] };
    const example = (one: PassReport["examples"][number]): void => {
      if (report.examples.length < 100) report.examples.push(one);
    };
    const rows = mergeListings([listingOf(stores.old, "", { signal }), listingOf(stores.new, "", { signal })], { signal });
    const worker = async (): Promise<void> => {
      for (;;) {
        const next = await rows.next();
        if (next.done) return;
        const { path, entries } = next.value;
        try {
          const what = await row(path, entries, signal);
          report[what] += 1;
          if (what === "differing") example({ path, what: "differs" });
          if (what === "foreign") example({ path, what });
        } catch (error) {
          signal?.throwIfAborted();
          report.failed += 1;
          example({ path, what: "failed", error });
        }
        report.objects += 1;
        onProgress?.(report);
      }
    };
    try {
      await Promise.all(Array.from({ length: concurrency }, worker));
    } finally {
      await rows.return();
    }
    return report;
  }

  async #in(phases: readonly Phase[], verb: string, signal: AbortSignal | undefined): Promise<number> {
    const { state, epoch } = await this.#parts.fleet.settled({ signal });
    if (phases.includes(state as Phase)) return epoch;
    const reason = `the migration is in the phase "${state}"; ${verb} runs in ${phases.join(", ")}: move it there by advance() or rollback()`;
    throw new OmniError("PRECONDITION_FAILED", { operation: verb, reason, outcome: "not-applied" });
  }

  async #move(to: Phase, options: MoveOptions): Promise<Phase> {
    await this.#parts.fleet.move(to, options);
    await this.#parts.changing.lookAtPhase();
    return to;
  }

  /** A gate: what was reached in one epoch; another epoch asks for it anew. */
  async #reached(what: string, epoch: number, report: PassReport): Promise<void> {
    const { examples: _, ...counts } = report;
    await this.#gates.write(this.#gatePath(what, epoch), JSON.stringify(counts));
  }

  async #need(what: string, epoch: number, missing: string, signal: AbortSignal | undefined): Promise<void> {
    if (await this.#gates.exists(this.#gatePath(what, epoch), { signal })) return;
    const reason = `${missing}; run it, look at its report, then advance() again`;
    throw new OmniError("PRECONDITION_FAILED", { operation: "advance", reason, outcome: "not-applied" });
  }

  #gatePath(what: string, epoch: number): string {
    return `.omni/migrating/${this.#parts.name}/gates/${what}-${epoch}`;
  }
}

async function digestOf(store: Backend, path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of await store.read(path, { signal })) hash.update(chunk);
  return hash.digest("hex");
}
