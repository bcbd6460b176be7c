import { delay, OmniError } from "@omni/core";
import type { MergedRow } from "@omni/core/merge";
import type { Group } from "./group.ts";
import type { Member } from "./members.ts";
import type { Mend } from "./mending.ts";
import { inOrder } from "./ordered.ts";
import { asError } from "./outcome.ts";
import { planRepair, type RepairPlan } from "./repair-plan.ts";
import { lookAtAll } from "./sights.ts";
import { rowsOf } from "./verify.ts";

/** Paths that a report names of each kind. */
const EXAMPLES = 100;
/** How often a path is looked at again that changes while it is repaired. */
const ROUNDS = 3;

/** What `repair` looks at, and who is right where nothing else says so. */
export interface RepairOptions {
  /** Only paths that start with it. @default all */
  readonly prefix?: string | undefined;
  /** Objects repaired side by side. @default 8 */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each path that was looked at, and after each change. */
  readonly onProgress?: ((progress: RepairCounts) => void) | undefined;
  /** Name of the member that is right where nothing else says so: what it lacks is deleted elsewhere. @default none, such paths are left alone */
  readonly prefer?: string | undefined;
  /** Whether all members are listed and compared after the journal's notes were followed. @default true */
  readonly scan?: boolean | undefined;
  /** Goes on with the scan after this path: the `cursor` of an earlier repair. */
  readonly cursor?: string | undefined;
}

/** How far a repair is. */
export interface RepairCounts {
  /** Paths looked at. */
  readonly examined: number;
  /** Members that were given an object. */
  readonly written: number;
  /** Members from which an object was removed. */
  readonly removed: number;
  /** Bytes written. */
  readonly bytes: number;
  /** Paths at which members differ and nothing says which is right. */
  readonly ambiguous: number;
  /** Paths at which a member did not answer or could not be changed. */
  readonly failed: number;
}

/** What a repair did and what it left alone. */
export interface RepairReport extends RepairCounts {
  /** The first paths that were left alone, and why. */
  readonly ambiguousPaths: readonly { readonly path: string; readonly reason: string }[];
  /** The first paths that could not be repaired, and why. */
  readonly failures: readonly { readonly path: string; readonly member: string; readonly error: Error }[];
  /** Every path was looked at and all members hold the same now. */
  readonly clean: boolean;
  /** The last path that the scan finished: a later repair goes on after it. */
  readonly cursor: string | undefined;
}

/** Brings members that missed writes or deletes to what was decided. @param mend changes the members */
export async function repair(group: Group, mend: Mend, options: RepairOptions = {}): Promise<RepairReport> {
  check(group, options);
  return new Repair(group, mend, options, false).run();
}

/** Repairs one path behind a read, without listing anything. */
export function repairPath(group: Group, mend: Mend, path: string): Promise<RepairCounts> {
  return new Repair(group, mend, {}, true).one(path);
}

function check({ members }: Group, { prefer, concurrency }: RepairOptions): void {
  const invalid = (reason: string): OmniError =>
    new OmniError("INVALID_ARGUMENT", { backend: "multi", operation: "repair", reason, outcome: "not-applied" });
  if (prefer !== undefined && !members.some(({ name }) => name === prefer))
    throw invalid(`prefer is the name of a member: ${members.map(({ name }) => name).join(", ")}, not ${JSON.stringify(prefer)}`);
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency >= 1))
    throw invalid(`concurrency is a whole number, 1 or more, not ${concurrency}`);
}

class Repair {
  readonly #group: Group;
  readonly #mend: Mend;
  readonly #isUnasked: boolean;
  readonly #options: RepairOptions;
  readonly #counts = { examined: 0, written: 0, removed: 0, bytes: 0, ambiguous: 0, failed: 0 };
  readonly #ambiguous: { readonly path: string; readonly reason: string }[] = [];
  readonly #failures: { readonly path: string; readonly member: string; readonly error: Error }[] = [];
  #cursor: string | undefined;

  /** @param isUnasked whether it goes on behind a read, and nobody called `repair()` */
  constructor(group: Group, mend: Mend, options: RepairOptions, isUnasked: boolean) {
    this.#group = group;
    this.#mend = mend;
    this.#isUnasked = isUnasked;
    this.#options = options;
    this.#cursor = options.cursor;
  }

  async run(): Promise<RepairReport> {
    const { prefix = "", signal, scan = true, concurrency = 8 } = this.#options;
    const { notes } = this.#group;
    if (notes) for await (const _ of inOrder(notes.list(prefix, signal), concurrency, ({ path }) => this.#examine(path, true)));
    if (scan)
      for await (const path of inOrder(rowsOf(this.#group, this.#options), concurrency, (row) => this.#examineRow(row)))
        this.#cursor = path;
    const { ambiguous, failed } = this.#counts;
    const clean = scan && ambiguous === 0 && failed === 0 && this.#options.cursor === undefined;
    const found = { ambiguousPaths: this.#ambiguous, failures: this.#failures };
    return { ...this.#counts, ...found, clean, cursor: this.#cursor };
  }

  /** Behind a read nothing is made where nothing is unless a journal can tell that it was not deleted just now. */
  #limited(plan: RepairPlan): RepairPlan {
    if (!this.#isUnasked || this.#group.notes) return plan;
    const write = plan.write.filter(({ info }) => info !== undefined);
    const left = write.length < plan.write.length ? "deleted just now, or missed: left to repair()" : undefined;
    return { ...plan, write, ambiguous: plan.ambiguous ?? left };
  }

  async one(path: string): Promise<RepairCounts> {
    await this.#examine(path, true);
    return this.#counts;
  }

  async #examineRow(row: MergedRow): Promise<string> {
    // The same write id everywhere: nothing has to be asked.
    const [first] = row.entries;
    const same =
      first?.stamp !== undefined &&
      row.entries.every((entry) => entry?.stamp?.id === first.stamp?.id && entry?.size === first.size);
    if (same) this.#progress("examined");
    else await this.#examine(row.path, false);
    return row.path;
  }

  /** Looks at what the members really hold, and acts; again when it changed meanwhile. */
  async #examine(path: string, isNoted: boolean): Promise<void> {
    const { notes, clock } = this.#group;
    const { signal, prefer } = this.#options;
    let problem: { readonly member: Member; readonly error: unknown } | undefined;
    for (let round = 1; round <= ROUNDS; round++) {
      signal?.throwIfAborted();
      const sights = await lookAtAll(this.#group, path, signal);
      const decided = await notes?.decided(path);
      const plan = this.#limited(await planRepair(this.#group, sights, decided, prefer, signal));
      const results = await this.#mend(path, { plan, sights, decided, signal });
      for (const { member, action, bytes, error } of results) if (error === undefined) this.#done(path, member, action, bytes);
      const [silent] = plan.silent;
      problem = results.find(({ error }) => error !== undefined) as typeof problem;
      problem ??= silent && { member: silent.member, error: silent.error };
      const changed = results.some(({ error }) => OmniError.is(error, "PRECONDITION_FAILED", "ALREADY_EXISTS", "NOT_FOUND"));
      if (changed && round < ROUNDS) {
        await delay(10 * round, clock, signal);
        continue;
      }
      if (plan.ambiguous !== undefined) this.#leaveAlone(path, plan.ambiguous);
      else if (!problem && isNoted && decided) await notes?.settle(path, decided.stamp);
      break;
    }
    if (problem) this.#fail(path, problem.member, problem.error);
    this.#progress("examined");
  }

  #done(path: string, { name }: Member, action: "write" | "delete", bytes: number): void {
    this.#counts.bytes += bytes;
    this.#progress(action === "write" ? "written" : "removed");
    this.#group.events.emit("repair", { path, member: name, action, bytes });
  }

  #leaveAlone(path: string, reason: string): void {
    if (this.#ambiguous.length < EXAMPLES) this.#ambiguous.push({ path, reason });
    this.#progress("ambiguous");
  }

  #fail(path: string, { name }: Member, error: unknown): void {
    if (this.#failures.length < EXAMPLES) this.#failures.push({ path, member: name, error: asError(error) });
    this.#progress("failed");
  }

  #progress(count: "examined" | "written" | "removed" | "ambiguous" | "failed"): void {
    this.#counts[count] += 1;
    this.#options.onProgress?.({ ...this.#counts });
  }
}
