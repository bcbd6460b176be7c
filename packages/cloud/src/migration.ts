import { type Backend, OmniError } from "@omni/core";
import { migrate as migrateStore, type SyncOptions, type SyncReport } from "@omni/sync";
import type { CloudSet } from "./cloud-set.ts";
import { isBackend } from "./config.ts";
import { checkNames, invalid } from "./errors.ts";
import { type CheckedRule, listOf, placesOf, staysWithin } from "./rules.ts";
import type { Slot } from "./slot.ts";
import type { StoredObject } from "./stored-object.ts";

/** What `migrate` takes. */
export interface MigrationOptions<N extends string = string>
  extends Pick<
    SyncOptions,
    "verify" | "journal" | "retries" | "onProgress" | "onEntry" | "filter" | "dryRun" | "bandwidth" | "signal" | "timeoutMs"
  > {
  /** A cloud, or any backend. */
  readonly from: N | Backend;
  /** A cloud, or any backend. */
  readonly to: N | Backend;
  /** Plain string prefix of the paths, within the clouds' own folders. @default "" */
  readonly prefix?: string | undefined;
  /** Objects copied at once. @default 10 */
  readonly concurrency?: number | undefined;
  /** Change the rows of what has arrived, so that they say where it is. @default true where both are clouds and there is a catalogue */
  readonly updateRows?: boolean | undefined;
}

/** What a migration did. */
export interface MigrationReport extends SyncReport {
  /** Rows that name the new cloud now. */
  readonly rowsMoved: number;
}

const OPTIONS = [
  "from",
  "to",
  "prefix",
  "concurrency",
  "updateRows",
  "verify",
  "journal",
  "onProgress",
  "onEntry",
  "filter",
  "dryRun",
  "bandwidth",
  "signal",
  "timeoutMs",
  "retries",
] as const;

/** One end: where it is, and how its paths begin. */
interface End {
  readonly slot?: Slot | undefined;
  readonly places: readonly string[];
  readonly backend: Backend;
  readonly prefix: string;
}

/**
 * Copies a cloud, or a part of it, to another, verified and with a journal, so that the same call goes on after a crash; then changes the rows of what has
 * arrived. The source stays.
 *
 * @throws OmniError INVALID_ARGUMENT before anything is copied, when a rule or a row keeps files in a place that the destination is not in
 */
export async function migrate(set: CloudSet, options: MigrationOptions): Promise<MigrationReport> {
  checkNames("migrate", "migrate", options, OPTIONS);
  const { from: source, to: destination, prefix = "", concurrency, updateRows, ...rest } = options;
  const from = await endOf(set, "from", source, prefix);
  const to = await endOf(set, "to", destination, prefix);
  const moves = updateRows ?? (set.catalogue !== undefined && from.slot !== undefined && to.slot !== undefined);
  if (moves && (!set.catalogue || !from.slot || !to.slot))
    throw invalid("migrate", "updateRows needs a catalogue, and clouds by name on both sides");
  if (from.slot) await checkResidency(set, from.slot, from.prefix, to);
  const report = await migrateStore({
    ...rest,
    from: from.backend,
    to: to.backend,
    prefix: from.prefix,
    toPrefix: to.prefix,
    ...(concurrency === undefined ? {} : { concurrency }),
  });
  const rowsMoved = moves && report.ok && !report.dryRun ? await moveRows(set, from, to, options.signal) : 0;
  return { ...report, rowsMoved };
}

async function endOf(set: CloudSet, side: string, given: string | Backend, prefix: string): Promise<End> {
  if (isBackend(given)) return { places: [], backend: given, prefix };
  if (typeof given !== "string") throw invalid("migrate", `${side} is the name of a cloud, or a backend`);
  const slot = set.slot("migrate", given);
  const own = slot.definition.prefix?.replace(/^\/+|\/+$/g, "");
  return { slot, places: set.placesOf(slot), backend: await slot.backend(), prefix: own ? `${own}/${prefix}` : prefix };
}

async function checkResidency(set: CloudSet, from: Slot, prefix: string, to: End): Promise<void> {
  // What is read from a group is its members', and what is read from a member may have come by its group.
  const holders = [...set.slots.values()].filter(
    (slot) => slot === from || isWithin(set, from.name, slot) || isWithin(set, slot.name, from),
  );
  for (const rule of set.routing.rules)
    if (holders.some((slot) => mayHold(set, rule, slot)) && !staysWithin(to.places, rule.residency))
      throw leaves(`${rule.name} keeps files of "${from.name}" in ${rule.residency?.join(", ")}`, to);
  for (const { name } of holders)
    for await (const row of set.catalogue?.list(name, { prefix }) ?? [])
      if (!staysWithin(to.places, row.residency)) throw leaves(`${row.id} must stay in ${row.residency?.join(", ")}`, to);
}

/** Whether a cloud is a member of a group, or of one of its groups. */
function isWithin(set: CloudSet, name: string, { definition: { members = [] } }: Slot): boolean {
  return members.some((member) => member === name || isWithin(set, name, set.slot("migrate", member)));
}

/** Whether files of a rule may be there: put there by it, or, as far as no catalogue knows better, copied there since. */
function mayHold(set: CloudSet, { rule, residency }: CheckedRule, slot: Slot): boolean {
  if (typeof rule.to !== "function" && listOf(rule.to).includes(slot.name)) return true;
  return (typeof rule.to === "function" || !set.catalogue) && staysWithin(set.placesOf(slot), residency);
}

function leaves(why: string, to: End): OmniError {
  return new OmniError("INVALID_ARGUMENT", {
    backend: "cloud",
    operation: "migrate",
    reason: `${why}; ${to.slot ? `"${to.slot.name}"` : "the destination"} is in ${placesOf(to.places)}. Nothing was copied`,
    outcome: "not-applied",
  });
}

/** Changes the rows of what has arrived. A row that somebody changed meanwhile stays as it is. */
async function moveRows(set: CloudSet, from: End, to: End, signal: AbortSignal | undefined): Promise<number> {
  const [source, target] = [from.slot as Slot, to.slot as Slot];
  let moved = 0;
  for await (const row of set.catalogue?.list(source.name, { prefix: from.prefix, signal }) ?? []) {
    const path = to.prefix + row.path.slice(from.prefix.length);
    if (!(await hasArrived(to.backend, path, row, signal))) continue;
    const updatedAt = new Date(set.family.clock.now()).toISOString();
    const changed = { ...row, cloud: target.name, path, region: target.definition.region ?? null, updatedAt };
    if (await set.catalogue?.update(changed, row)) moved += 1;
  }
  return moved;
}

async function hasArrived(backend: Backend, path: string, row: StoredObject, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    return (await backend.stat(path, { signal })).size === row.size;
  } catch (error) {
    if (OmniError.is(error, "NOT_FOUND")) return false;
    throw error;
  }
}
