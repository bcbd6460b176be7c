import { readFile } from "node:fs/promises";
import type { FilterOptions, MigrateOptions } from "@omni/sync";
import type { Context } from "../src/command.ts";
import { CHECK_OPTIONS, COPY_OPTIONS, MOVE_OPTIONS, SYNC_OPTIONS } from "../src/commands/sync-options.ts";
import { prepareRun } from "../src/commands/sync-run.ts";
import { openTargets } from "../src/config/index.ts";
import { inFlags } from "../src/flag-words.ts";
import { flagName, type OptionTable } from "../src/options.ts";
import { withDirectory } from "./process.ts";

/** How a command line gives an option of the engine. */
type Way = "argument" | "frame" | "left out" | readonly (keyof typeof SYNC_OPTIONS | keyof typeof CHECK_OPTIONS)[];

// A new option of the engine does not compile here until it is said how it is reached.
const WAYS: Record<keyof MigrateOptions, Way> = {
  from: "argument",
  to: "argument",
  prefix: "argument",
  toPrefix: "argument",
  checksum: ["checksum"],
  sizeOnly: ["sizeOnly"],
  ignoreExisting: ["ignoreExisting"],
  ignoreTimes: ["ignoreTimes"],
  ignoreSize: ["ignoreSize"],
  update: ["update"],
  immutable: ["immutable"],
  modifyWindowMs: ["modifyWindow"],
  noUpdateModTime: ["noUpdateModtime"],
  normalize: ["normalizeUnicode"],
  deletes: ["deleteBefore", "deleteDuring", "deleteAfter"],
  maxDelete: ["maxDelete"],
  allowEmptySource: ["allowEmptySource"],
  deleteExcluded: ["deleteExcluded"],
  backupPrefix: ["backupDir"],
  trackRenames: ["trackRenames", "trackRenamesStrategy"],
  transfers: ["transfers"],
  checkers: ["checkers"],
  bandwidth: ["bwlimit"],
  transactionsPerSecond: ["tpslimit"],
  maxTransferBytes: ["maxTransfer"],
  maxDurationMs: ["maxDuration"],
  cutoff: ["cutoffMode"],
  maxFailures: ["maxFailures"],
  retries: ["retries"],
  timeoutMs: ["timeout"],
  rangesAboveBytes: ["multiThreadCutoff"],
  rangeStreams: ["multiThreadStreams"],
  filter: ["include", "exclude", "filter", "includeFrom", "excludeFrom", "filterFrom", "filesFrom"],
  compareDest: ["compareDest"],
  copyDest: ["copyDest"],
  verify: ["verify"],
  journal: ["journal"],
  keepPartsAboveBytes: ["keepPartsAbove"],
  oneWay: ["oneWay"],
  dryRun: "frame",
  signal: "frame",
  concurrency: "left out",
  maxEntries: "left out",
  onEntry: "left out",
  onProgress: "left out",
  clock: "left out",
};

const FILTER_WAYS: Record<keyof FilterOptions, keyof typeof SYNC_OPTIONS> = {
  include: "include",
  exclude: "exclude",
  rules: "filter",
  filesFrom: "filesFrom",
  minSizeBytes: "minSize",
  maxSizeBytes: "maxSize",
  minAgeMs: "minAge",
  maxAgeMs: "maxAge",
  ignoreCase: "ignoreCase",
};

// Those of which one is given at a time, and those that read files, have tests of their own.
const GIVEN = {
  checksum: true,
  sizeOnly: true,
  ignoreExisting: true,
  ignoreTimes: true,
  ignoreSize: true,
  update: true,
  immutable: true,
  modifyWindow: 2_000,
  noUpdateModtime: true,
  normalizeUnicode: true,
  deleteDuring: true,
  maxDelete: "7",
  allowEmptySource: true,
  deleteExcluded: true,
  backupDir: "kept",
  trackRenames: true,
  trackRenamesStrategy: "hash",
  transfers: 3,
  checkers: 4,
  bwlimit: "1M",
  tpslimit: 5,
  maxTransfer: 6,
  maxDuration: 7,
  cutoffMode: "SOFT",
  maxFailures: 8,
  retries: 9,
  timeout: 10,
  multiThreadCutoff: 11,
  multiThreadStreams: 12,
  include: ["a"],
  exclude: ["b"],
  filter: ["- c"],
  minSize: 1,
  maxSize: 2,
  minAge: "1s",
  maxAge: "1d",
  ignoreCase: true,
  compareDest: "third",
  copyDest: "twins",
  verify: "read",
  journal: "off",
  keepPartsAbove: 13,
  oneWay: true,
} as const;

const EXPECTED = {
  prefix: "",
  checksum: true,
  sizeOnly: true,
  ignoreExisting: true,
  ignoreTimes: true,
  ignoreSize: true,
  update: true,
  immutable: true,
  modifyWindowMs: 2_000,
  noUpdateModTime: true,
  normalize: true,
  deletes: "during",
  maxDelete: 7,
  allowEmptySource: true,
  deleteExcluded: true,
  backupPrefix: "kept/",
  trackRenames: "digest",
  transfers: 3,
  checkers: 4,
  bandwidth: 1_048_576,
  transactionsPerSecond: 5,
  maxTransferBytes: 6,
  maxDurationMs: 7,
  cutoff: "soft",
  maxFailures: 8,
  retries: 9,
  timeoutMs: 10,
  rangesAboveBytes: 11,
  rangeStreams: 12,
  compareDest: { prefix: "" },
  copyDest: "twins/",
  verify: "read",
  journal: false,
  keepPartsAboveBytes: 13,
  oneWay: true,
  toPrefix: "to/",
  dryRun: true,
};

test("every option of the engine is reached by a flag, or said to be left out", async () => {
  const engine = await withDirectory(async (cwd) => {
    const targets = await openTargets({ env: {}, cwd, configFile: undefined });
    const context = { targets: async () => targets, cwd, dryRun: true, signal: new AbortController().signal } as Partial<Context>;
    const run = await prepareRun("sync", context as Context, ["from", "to"], GIVEN);
    await targets.close();
    return run.engine;
  });
  expect(engine).toMatchObject(EXPECTED);
  expect(Object.keys(engine.filter ?? {}).sort()).toEqual(
    Object.keys(FILTER_WAYS)
      .filter((name) => name !== "filesFrom")
      .sort(),
  );
  const reached = Object.keys(WAYS).filter((name) => WAYS[name as keyof MigrateOptions] !== "left out");
  expect(Object.keys(engine).sort()).toEqual([...reached, "maxEntries"].sort());
});

test("every flag is an option of the engine, or of the command alone", () => {
  const known = new Set<string>(
    [...Object.values(WAYS).filter((way) => typeof way !== "string"), Object.values(FILTER_WAYS)].flat(),
  );
  const own = ["download", "stats", "verbose"];
  const flags = new Set(
    [COPY_OPTIONS, MOVE_OPTIONS, SYNC_OPTIONS, CHECK_OPTIONS].flatMap((table: OptionTable) => Object.keys(table)),
  );
  expect([...flags].filter((flag) => !known.has(flag)).sort()).toEqual(own);
  expect([...known].filter((flag) => !flags.has(flag))).toEqual([]);
});

test("the guide's table has every flag, and the README names what is left out", async () => {
  const [guide, readme] = await Promise.all(
    ["../../../docs/guides/command-line.md", "../README.md"].map((path) => readFile(new URL(path, import.meta.url), "utf8")),
  );
  const table = guide?.slice(guide.indexOf("| about | flags |"), guide.indexOf("Different from rclone"));
  const flags = [COPY_OPTIONS, SYNC_OPTIONS, CHECK_OPTIONS].flatMap((options: OptionTable) => Object.keys(options));
  const isNamed = (key: string): boolean => new RegExp(`--${flagName(key)}(?![\\w-])`).test(table ?? "");
  expect([...new Set(flags)].filter((key) => !isNamed(key))).toEqual([]);
  const leftOut = Object.entries(WAYS).filter(([, way]) => way === "left out");
  for (const [name] of leftOut) expect([name, readme?.includes(`\`${name}\``)]).toEqual([name, true]);
});

test.each([
  ['trackRenames needs deletes: "after", not "before": x', "--track-renames needs --delete-after, not --delete-before: x"],
  ["compareDest and copyDest are one place each", "--compare-dest and --copy-dest are one place each"],
  ["give a longer timeoutMs where that is usual", "give a longer --timeout where that is usual"],
])("the engine's words become flags: %s", (text, expected) => expect(inFlags(text)).toBe(expected));
