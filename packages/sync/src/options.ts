import { type Backend, type Clock, OmniError, systemClock } from "@omni/core";
import { compileFilter, type Filter, type FilterOptions } from "./filter/filter.ts";
import { type Bandwidth, checkBandwidth } from "./limits.ts";
import type { SyncProgress } from "./progress.ts";
import type { SyncEntry } from "./report.ts";
import { overlapOf, type Side } from "./side.ts";

/** The two ends. */
export interface EndOptions {
  /** The source; `move` alone changes it. */
  readonly from: Backend;
  /** The destination. */
  readonly to: Backend;
  /** Plain string prefix of the source's paths; to mean a folder end it in `/`. Paths are compared without it. @default "" */
  readonly prefix?: string | undefined;
  /** The same at the destination. @default `prefix` */
  readonly toPrefix?: string | undefined;
}

/** When two objects are taken for the same. Without any: by size, then modification time, then by what the last run recorded. */
export interface EqualityOptions {
  /** Compare size and digest: the stores' own, or made by reading where a store states none. @default false */
  readonly checksum?: boolean | undefined;
  /** Compare sizes alone. @default false */
  readonly sizeOnly?: boolean | undefined;
  /** Leave alone what is at the destination, whatever it is. @default false */
  readonly ignoreExisting?: boolean | undefined;
  /** Take everything for different. @default false */
  readonly ignoreTimes?: boolean | undefined;
  /** Do not compare sizes. @default false */
  readonly ignoreSize?: boolean | undefined;
  /** Leave alone what is newer at the destination. @default false */
  readonly update?: boolean | undefined;
  /** A difference is a failure and nothing is overwritten. @default false */
  readonly immutable?: boolean | undefined;
  /** Modification times so many milliseconds apart are the same; more where a store keeps them coarser. @default 1 */
  readonly modifyWindowMs?: number | undefined;
  /** Leave a modification time that differs alone where the digests agree. @default false */
  readonly noUpdateModTime?: boolean | undefined;
  /** Compare paths by their composed Unicode form (NFC). The listings are sorted on disk then. @default false */
  readonly normalize?: boolean | undefined;
}

/** What becomes of objects that only the destination has. `sync` alone deletes. */
export interface DeletionOptions {
  /** Before and during need a listing more, since limits are judged on the whole plan. Never after an error. @default "after" */
  readonly deletes?: "after" | "before" | "during" | undefined;
  /** Most deletes: a number, or a percentage of the destination's objects; `false` = no limit. More: nothing is deleted. @default "50%" */
  readonly maxDelete?: number | `${number}%` | false | undefined;
  /** Delete though the source has nothing at all, which is mostly a mistake. @default false */
  readonly allowEmptySource?: boolean | undefined;
  /** Delete also what the filter leaves out. @default false */
  readonly deleteExcluded?: boolean | undefined;
  /** Prefix at the destination's store where overwritten and deleted objects are kept. */
  readonly backupPrefix?: string | undefined;
  /** Rename at the destination what was only renamed at the source: same size and digest, or size, time and last name. Needs `deletes: "after"`. @default false */
  readonly trackRenames?: boolean | "digest" | "modtime" | undefined;
}

/** How much at once, and when to end. */
export interface LimitOptions {
  /** Objects copied at once. @default 10 */
  readonly transfers?: number | undefined;
  /** Objects looked at at once, where a listing does not say enough. @default 16 */
  readonly checkers?: number | undefined;
  /** Bytes per second for all copies, from 1 up, or a timetable. @default no limit */
  readonly bandwidth?: Bandwidth | undefined;
  /** Requests to the stores begun per second, pages of listings apart. @default no limit */
  readonly transactionsPerSecond?: number | undefined;
  /** End when so many bytes have been copied. @default no limit */
  readonly maxTransferBytes?: number | undefined;
  /** End after so many milliseconds. @default no limit */
  readonly maxDurationMs?: number | undefined;
  /** At a limit: `hard` breaks copies off, `soft` lets them finish, `cautious` begins none that would pass `maxTransferBytes`. @default "hard" */
  readonly cutoff?: "hard" | "soft" | "cautious" | undefined;
  /** End after so many failures. @default 10000 */
  readonly maxFailures?: number | undefined;
  /** How often something is tried again after an error that may pass (`error.retryable`). @default 3 */
  readonly retries?: number | undefined;
  /** Milliseconds without progress until a copy, or a request, counts as failed. @default 60000 */
  readonly timeoutMs?: number | undefined;
  /** Objects from this size on are read in several ranges at once. @default 67108864 where the source is behind a network, else never */
  readonly rangesAboveBytes?: number | undefined;
  /** Ranges read at once. @default 4 */
  readonly rangeStreams?: number | undefined;
}

/** What every verb takes. */
export interface SyncOptions extends EndOptions, EqualityOptions, DeletionOptions, LimitOptions {
  /** Which objects take part. @default all */
  readonly filter?: FilterOptions | undefined;
  /** A third place: what is the same there is not copied. */
  readonly compareDest?: { readonly backend: Backend; readonly prefix?: string | undefined } | undefined;
  /**
   * A prefix at the destination's store, beside the destination: what is new and the same there is copied from there, within the store. `move` does not
   * look there, since a source goes only for its own copy.
   */
  readonly copyDest?: string | undefined;
  /** Change nothing; the report is that of the real run. @default false */
  readonly dryRun?: boolean | undefined;
  /** `stated`: by the digest that the destination states, else by length; `read`: read back what it does not state. @default "stated" */
  readonly verify?: "stated" | "read" | undefined;
  /**
   * Where completions are recorded, so that a run that was cut off goes on, and stores whose listings do not show the kept time need no request per
   * object. `true`: at the destination under `.omni/sync/`; `false`: nowhere. @default `true` where a listing does not show the kept time
   */
  readonly journal?: boolean | Backend | undefined;
  /**
   * Objects from this size on are fetched in parts that are kept beside the journal until the object is whole: after a crash only missing parts are fetched
   * again. Costs a second way through the journal's store. @default never
   */
  readonly keepPartsAboveBytes?: number | undefined;
  /** `check`, `verify` and `diff` do not mind what only the destination has. @default false */
  readonly oneWay?: boolean | undefined;
  /** Paths that the report keeps; `onEntry` gets all. @default 10000 */
  readonly maxEntries?: number | undefined;
  /** Told of each path, with what became of it. */
  readonly onEntry?: ((entry: SyncEntry) => void) | undefined;
  /** Told how far the run is. */
  readonly onProgress?: ((progress: SyncProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** @default the machine's */
  readonly clock?: Clock | undefined;
}

/** The verbs of the engine. */
export type Verb = "sync" | "copy" | "move" | "check" | "verify" | "diff" | "migrate";

/** Checked options with their defaults: what the engine works on. */
export interface Job extends Omit<SyncOptions, "from" | "to" | "filter" | "prefix" | "toPrefix" | "compareDest"> {
  readonly verb: Verb;
  readonly from: Side;
  readonly to: Side;
  readonly compare: Side | undefined;
  readonly filter: Filter | undefined;
  readonly dryRun: boolean;
  readonly deletes: "after" | "before" | "during";
  readonly cutoff: "hard" | "soft" | "cautious";
  readonly transfers: number;
  readonly checkers: number;
  readonly retries: number;
  readonly timeoutMs: number;
  readonly maxFailures: number;
  readonly modifyWindowMs: number;
  readonly clock: Clock;
}

/** Completes the options of a verb. @throws OmniError INVALID_ARGUMENT, NOT_SUPPORTED */
export function prepareJob(verb: Verb, options: SyncOptions): Job {
  const { from: source, to: destination, prefix = "", toPrefix = prefix, clock = systemClock } = options;
  const from = { backend: checkedBackend("from", source), prefix };
  const to = { backend: checkedBackend("to", destination), prefix: toPrefix };
  checkNumbers(options);
  if (options.bandwidth !== undefined) checkBandwidth(options.bandwidth);
  const filter = options.filter && compileFilter(options.filter, clock);
  checkPlaces(verb, from, to, filter, options);
  if (options.trackRenames && (options.deletes ?? "after") !== "after")
    throw refuse(
      `trackRenames needs deletes: "after", not ${JSON.stringify(options.deletes)}: what is gone is known only at the end`,
    );
  return {
    deletes: "after",
    cutoff: "hard",
    transfers: 10,
    checkers: 16,
    retries: 3,
    timeoutMs: 60_000,
    maxFailures: 10_000,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    dryRun: options.dryRun ?? false,
    modifyWindowMs: Math.max(options.modifyWindowMs ?? 1, ...[source, destination].map(timeStepMs)),
    verb,
    from,
    to,
    compare: comparedPlace(verb, to, options),
    filter,
    clock,
  };
}

/** The step in which a store keeps modification times, in milliseconds. */
export function timeStepMs({ features }: Backend): number {
  return features.modTimePrecisionMs ?? 1;
}

/** The limit on deletes as a number of objects. */
export function deleteLimit(maxDelete: DeletionOptions["maxDelete"], destinationObjects: number): number {
  if (maxDelete === false) return Number.POSITIVE_INFINITY;
  if (typeof maxDelete === "number") return maxDelete;
  return (Number((maxDelete ?? "50%").slice(0, -1)) / 100) * destinationObjects;
}

function checkedBackend(name: string, backend: unknown): Backend {
  if (typeof backend !== "object" || backend === null || !("driver" in backend))
    throw refuse(`${name} is ${backend === null ? "null" : typeof backend}; give a backend, such as file({ root })`);
  const found = backend as Backend;
  if (found.features.live)
    throw new OmniError("NOT_SUPPORTED", {
      reason: `${name} is a ${found.driver.scheme}: its paths are streams, which cannot be compared`,
    });
  return found;
}

/** The third place of `compareDest` or `copyDest`. */
function comparedPlace(verb: Verb, to: Side, { compareDest, copyDest }: SyncOptions): Side | undefined {
  if (compareDest) return { backend: compareDest.backend, prefix: compareDest.prefix ?? "" };
  return copyDest === undefined || verb === "move" ? undefined : { backend: to.backend, prefix: copyDest };
}

function checkPlaces(verb: Verb, from: Side, to: Side, filter: Filter | undefined, options: SyncOptions): void {
  const { backupPrefix, copyDest, compareDest } = options;
  const reads = verb === "check" || verb === "verify" || verb === "diff";
  const nested = reads ? undefined : overlapOf(from, to);
  if (nested === "") throw refuse(`${verb}: source and destination are the same place; give two places`);
  if (nested !== undefined && filter?.prunedBy(`${nested}${nested.endsWith("/") ? "" : "/"}x`) === undefined)
    throw refuse(
      `${verb}: source and destination overlap at ${JSON.stringify(nested)}; exclude "/${nested}**" by a filter, or give places apart`,
    );
  if (copyDest !== undefined && compareDest !== undefined)
    throw refuse("compareDest and copyDest are one place each; give one of them");
  checkBeside("backupPrefix", backupPrefix, to);
  checkBeside("copyDest", copyDest, to);
}

function checkBeside(name: string, prefix: string | undefined, to: Side): void {
  if (prefix === undefined) return;
  if (prefix === "" || overlapOf({ backend: to.backend, prefix }, to) !== undefined)
    throw refuse(
      `${name} ${JSON.stringify(prefix)} overlaps the destination ${JSON.stringify(to.prefix)}; give a prefix beside it`,
    );
}

function checkNumbers(options: SyncOptions): void {
  const whole = (name: keyof LimitOptions | "maxEntries" | "keepPartsAboveBytes", least: number): void => {
    const value = options[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= least))
      throw refuse(`${name} is ${String(value)}; give a whole number, ${least} or more`);
  };
  for (const name of ["transfers", "checkers", "maxFailures", "rangeStreams", "rangesAboveBytes", "keepPartsAboveBytes"] as const)
    whole(name, 1);
  for (const name of ["retries", "maxTransferBytes", "maxEntries"] as const) whole(name, 0);
  for (const name of ["timeoutMs", "maxDurationMs", "transactionsPerSecond", "modifyWindowMs"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) throw refuse(`${name} is ${value}; give a number above 0`);
  }
  const { maxDelete } = options;
  const good = typeof maxDelete === "string" ? /^\d+(?:\.\d+)?%$/.test(maxDelete) : typeof maxDelete !== "number" || maxDelete >= 0;
  if (!good)
    throw refuse(`maxDelete is ${JSON.stringify(maxDelete)}; give a number of objects, a percentage such as "10%", or false`);
}

function refuse(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason, outcome: "not-applied" });
}
