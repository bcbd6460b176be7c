import { type Backend, withPrefix } from "@omni/core";
import type { SyncOptions, SyncProgress, SyncReport } from "@omni/sync";
import { parseBandwidth } from "../bandwidth.ts";
import { type Context, UsageError } from "../command.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import { filterOf } from "../filters.ts";
import type { OptionsOf } from "../options.ts";
import { folderAt } from "../places.ts";
import type { StoreTarget, Targets } from "../targets.ts";
import { commonDestination } from "./common-destination.ts";
import { ReportLines } from "./report-lines.ts";
import { SyncDisplay } from "./sync-display.ts";
import type { CHECK_OPTIONS, COPY_OPTIONS, SYNC_OPTIONS } from "./sync-options.ts";

type AnyOptions = OptionsOf<typeof SYNC_OPTIONS> & OptionsOf<typeof CHECK_OPTIONS> & OptionsOf<typeof COPY_OPTIONS>;

/** A verb of the engine with what it is to be called with. */
export interface SyncRun {
  readonly verb: string;
  readonly context: Context;
  readonly from: StoreTarget;
  readonly to: StoreTarget;
  readonly options: AnyOptions;
  readonly engine: SyncOptions;
}

/** Makes the engine's options of a command line. @throws UsageError, OmniError */
export async function prepareRun(verb: string, context: Context, args: readonly string[], options: AnyOptions): Promise<SyncRun> {
  const targets = await context.targets();
  const [fromText = "", toText = ""] = args;
  const from = await folderAt(targets, fromText);
  const given = await folderAt(targets, toText);
  const beside = { "--backup-dir": options.backupDir, "--copy-dest": options.copyDest };
  const { to, prefixes } = await commonDestination(targets, given, beside, context.cwd);
  const engine: SyncOptions = dropUndefined({
    from: from.backend,
    to: to.backend,
    prefix: from.path,
    toPrefix: to.path,
    backupPrefix: prefixes["--backup-dir"],
    copyDest: prefixes["--copy-dest"],
    ...equalityOf(options),
    ...limitsOf(options),
    ...deletionsOf(options),
    filter: await filterOf(context, options),
    compareDest: options.compareDest === undefined ? undefined : await placeAt(targets, options.compareDest),
    verify: options.verify,
    journal: await journalOf(targets, options.journal),
    keepPartsAboveBytes: options.keepPartsAbove,
    oneWay: options.oneWay,
    dryRun: context.dryRun || undefined,
    maxEntries: 0,
    signal: context.signal,
  });
  return { verb, context, from, to, options, engine };
}

/** Runs a verb with its bar, prints its report and gives the exit code. */
export async function runVerb(
  { verb, context, options, engine }: SyncRun,
  call: (options: SyncOptions) => Promise<SyncReport>,
): Promise<ExitCode> {
  const { out, dryRun } = context;
  const lines = new ReportLines(out, options.verbose === true);
  const display = new SyncDisplay(out, dryRun ? `${verb} (dry run)` : verb, options.stats);
  let last: SyncProgress | undefined;
  context.onInterrupt(() => interruptAdvice(context, verb, last));
  const stopDisplay = await display.start();
  let report: SyncReport;
  try {
    report = await call({
      ...engine,
      onEntry: (entry) => lines.take(entry),
      onProgress: (progress) => {
        last = progress;
        display.progress = progress;
      },
    });
  } catch (error) {
    stopDisplay();
    await lines.printGathered();
    throw error;
  }
  stopDisplay();
  await lines.printReport(report);
  return exitCodeOf(report, options);
}

/** What a run without changes says of a run: how many it would delete. */
export async function planOf(run: SyncRun, call: (options: SyncOptions) => Promise<SyncReport>): Promise<SyncReport> {
  const display = new SyncDisplay(run.context.out, "planning", 0);
  const stopDisplay = await display.start();
  try {
    return await call({
      ...run.engine,
      dryRun: true,
      onProgress: (progress) => {
        display.progress = progress;
      },
    });
  } finally {
    stopDisplay();
  }
}

function exitCodeOf({ counts, stopped, complete, evidence, verb }: SyncReport, { sizeOnly }: AnyOptions): ExitCode {
  if (counts.failed > 0) return EXIT_CODES.FAILED;
  if (counts.differing > 0) return EXIT_CODES.DIFFERS;
  if (stopped !== undefined || !complete) return EXIT_CODES.PENDING;
  const comparesAll = verb !== "check" || sizeOnly === true || (evidence.size ?? 0) === 0;
  return comparesAll ? EXIT_CODES.CLEAN : EXIT_CODES.NOT_COMPARABLE;
}

function interruptAdvice({ dryRun, commandLine }: Context, verb: string, last: SyncProgress | undefined): string {
  if (dryRun || verb === "check") return "Nothing was changed.";
  const done = last?.done.objects
    ? `${last.done.objects} of ${last.planned.objects} objects are copied; they are not copied again.\n  `
    : "";
  return `${done}To go on: ${commandLine}`;
}

function equalityOf(options: AnyOptions): Partial<SyncOptions> {
  const { checksum, sizeOnly, ignoreTimes, ignoreSize, ignoreExisting, update, immutable } = options;
  const { modifyWindow, noUpdateModtime, normalizeUnicode } = options;
  const renamed = { modifyWindowMs: modifyWindow, noUpdateModTime: noUpdateModtime, normalize: normalizeUnicode };
  return { checksum, sizeOnly, ignoreTimes, ignoreSize, ignoreExisting, update, immutable, ...renamed };
}

function limitsOf(options: AnyOptions): Partial<SyncOptions> {
  return {
    transfers: options.transfers,
    checkers: options.checkers,
    bandwidth: options.bwlimit === undefined ? undefined : parseBandwidth(options.bwlimit),
    transactionsPerSecond: options.tpslimit,
    maxTransferBytes: options.maxTransfer,
    maxDurationMs: options.maxDuration,
    cutoff: options.cutoffMode?.toLowerCase() as SyncOptions["cutoff"],
    maxFailures: options.maxFailures,
    retries: options.retries,
    timeoutMs: options.timeout,
    rangesAboveBytes: options.multiThreadCutoff,
    rangeStreams: options.multiThreadStreams,
  };
}

function deletionsOf(options: AnyOptions): Partial<SyncOptions> {
  const { deleteBefore, deleteDuring, deleteAfter, deleteExcluded, allowEmptySource, trackRenames, trackRenamesStrategy } = options;
  const chosen = [deleteBefore && "before", deleteDuring && "during", deleteAfter && "after"].filter(
    (when) => typeof when === "string",
  );
  if (chosen.length > 1) throw new UsageError("give one of --delete-before, --delete-during and --delete-after");
  const strategy = trackRenamesStrategy === "hash" ? "digest" : trackRenamesStrategy;
  return {
    deletes: chosen[0] as SyncOptions["deletes"],
    maxDelete: options.maxDelete === undefined ? undefined : maxDeleteOf(options.maxDelete),
    deleteExcluded,
    allowEmptySource,
    trackRenames: trackRenames || strategy !== undefined ? (strategy ?? true) : undefined,
  };
}

function maxDeleteOf(text: string): NonNullable<SyncOptions["maxDelete"]> {
  if (text === "off" || text === "-1") return false;
  if (/^\d+$/.test(text)) return Number(text);
  if (/^\d+(?:\.\d+)?%$/.test(text)) return text as `${number}%`;
  throw new UsageError(`--max-delete: ${JSON.stringify(text)} is neither a number of objects, nor a percentage (10%), nor off`);
}

async function placeAt(targets: Targets, text: string): Promise<{ readonly backend: Backend; readonly prefix: string }> {
  const { backend, path } = await folderAt(targets, text);
  return { backend, prefix: path };
}

async function journalOf(targets: Targets, text: string | undefined): Promise<SyncOptions["journal"]> {
  if (text === undefined) return undefined;
  if (text === "on" || text === "off") return text === "on";
  const { backend, prefix } = await placeAt(targets, text);
  return prefix === "" ? backend : withPrefix(backend, prefix);
}

function dropUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
