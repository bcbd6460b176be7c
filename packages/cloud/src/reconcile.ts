import { type ObjectInfo, OmniError } from "@omni/core";
import { listingOf, mergeListings } from "@omni/core/merge";
import type { Catalogue } from "./catalogue.ts";
import type { CloudSet } from "./cloud-set.ts";
import { checkNames } from "./errors.ts";
import type { Slot } from "./slot.ts";
import type { StoredObject } from "./stored-object.ts";

/** What `reconcile` takes. */
export interface ReconcileOptions<N extends string = string> {
  /** Which clouds to look at. @default all that are no groups */
  readonly clouds?: readonly N[] | undefined;
  /** Milliseconds that an object has to be old to count: younger ones may be about to get their row. @default 0 */
  readonly minAgeMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An object that no row names. */
export interface UnlistedObject<N extends string = string> {
  readonly cloud: N;
  readonly path: string;
  readonly size: number;
  readonly modifiedAt?: Date | undefined;
}

/** Where catalogue and clouds differ. Nothing was changed. */
export interface ReconcileReport<N extends string = string> {
  /** Rows whose object is not where they say. */
  readonly rowsWithoutObjects: readonly StoredObject<N>[];
  readonly objectsWithoutRows: readonly UnlistedObject<N>[];
  /** Rows whose object has another size. */
  readonly differing: readonly { readonly row: StoredObject<N>; readonly size: number }[];
  readonly rows: number;
  readonly objects: number;
}

type Entry = { readonly path: string; readonly info?: ObjectInfo | undefined; readonly row?: StoredObject | undefined };
type Report = { -readonly [K in keyof ReconcileReport]: ReconcileReport[K] extends readonly (infer T)[] ? T[] : number };

/**
 * Compares a catalogue with the clouds, in constant memory apart from the differences. A difference is looked at again before it is reported, so that
 * what came or went during the comparison is none.
 *
 * @throws OmniError of a cloud that cannot be listed: its rows are not called lost
 */
export async function reconcile(set: CloudSet, catalogue: Catalogue, options: ReconcileOptions): Promise<ReconcileReport> {
  checkNames("reconcile", "reconcile", options, ["clouds", "minAgeMs", "signal"]);
  const slots = options.clouds
    ? options.clouds.map((name) => set.slot("reconcile", name))
    : [...set.slots.values()].filter(({ definition }) => !definition.members);
  const report: Report = { rowsWithoutObjects: [], objectsWithoutRows: [], differing: [], rows: 0, objects: 0 };
  for (const slot of slots) await compare(set, slot, catalogue, options, report);
  return report;
}

async function compare(
  set: CloudSet,
  slot: Slot,
  catalogue: Catalogue,
  { minAgeMs = 0, signal }: ReconcileOptions,
  report: Report,
): Promise<void> {
  const backend = await slot.backend();
  const own = slot.definition.prefix?.replace(/^\/+|\/+$/g, "");
  const prefix = own ? `${own}/` : "";
  const { items, sorted, name } = listingOf(backend, prefix, { signal });
  const objects = { items: entries(items, (info) => ({ path: info.path, info })), sorted, name };
  const rows = {
    items: entries(catalogue.list(slot.name, { prefix, signal }), (row) => ({ path: row.path, row })),
    name: "the catalogue",
  };
  for await (const { path, entries: found } of mergeListings<Entry>([objects, rows], { signal })) {
    const [info, row] = [found[0]?.info, found[1]?.row];
    if (info) report.objects += 1;
    if (row) report.rows += 1;
    if (info && row && info.size === row.size) continue;
    await settle(set, slot, catalogue, path, minAgeMs, report, signal);
  }
}

/** Looks once more at both sides of what seems to differ. */
async function settle(
  { family }: CloudSet,
  slot: Slot,
  catalogue: Catalogue,
  path: string,
  minAgeMs: number,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  const cloud = slot.name;
  const backend = await slot.backend();
  const row = await catalogue.at({ cloud, path });
  const info = await backend.stat(path, { signal }).catch((error: unknown) => {
    if (OmniError.is(error, "NOT_FOUND")) return undefined;
    throw error;
  });
  // The row once more: one that was moved between the two looks is not lost.
  if (row && !info && (await catalogue.at({ cloud, path }))) report.rowsWithoutObjects.push(row);
  else if (row && info && row.size !== info.size) report.differing.push({ row, size: info.size });
  else if (!row && info && family.clock.now() - (info.modifiedAt?.getTime() ?? 0) >= minAgeMs)
    report.objectsWithoutRows.push({ cloud, path, size: info.size, modifiedAt: info.modifiedAt });
}

async function* entries<T>(items: AsyncIterable<T>, entry: (item: T) => Entry): AsyncGenerator<Entry, void> {
  for await (const item of items) yield entry(item);
}
