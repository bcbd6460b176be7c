// The options of the verbs, named as rclone's users expect where the meaning is the same. No spread: a declaration file must show each.

export const FILTER_OPTIONS = {
  include: { kind: "texts", value: "pattern", about: "only what matches; repeatable" },
  exclude: { kind: "texts", value: "pattern", about: "not what matches; repeatable" },
  filter: {
    kind: "texts",
    short: "f",
    value: "rule",
    about: "`+ pattern` or `- pattern`, the first that matches decides; repeatable",
  },
  includeFrom: { kind: "texts", value: "file", about: "patterns for --include, one a line; - is stdin" },
  excludeFrom: { kind: "texts", value: "file", about: "patterns for --exclude, one a line" },
  filterFrom: { kind: "texts", value: "file", about: "rules for --filter, one a line" },
  filesFrom: { kind: "texts", value: "file", about: "exactly these paths, one a line" },
  minSize: { kind: "bytes", about: "only objects of this size or larger" },
  maxSize: { kind: "bytes", about: "only objects of this size or smaller" },
  minAge: { kind: "text", value: "age", about: "only what was modified so long ago (30d) or before a date" },
  maxAge: { kind: "text", value: "age", about: "only what was modified since (24h), or since a date" },
  ignoreCase: { kind: "flag", about: "patterns match in any case" },
} as const;

export const EQUALITY_OPTIONS = {
  checksum: { kind: "flag", short: "c", about: "compare size and digest, reading where a store states none" },
  sizeOnly: { kind: "flag", about: "compare sizes alone" },
  ignoreTimes: { kind: "flag", short: "I", about: "take everything for different" },
  ignoreSize: { kind: "flag", about: "do not compare sizes" },
  ignoreExisting: { kind: "flag", about: "leave alone what is at the destination" },
  update: { kind: "flag", short: "u", about: "leave alone what is newer at the destination" },
  immutable: { kind: "flag", about: "a difference is a failure; nothing is overwritten" },
  modifyWindow: { kind: "duration", about: "times so far apart are the same", default: "1ms" },
  noUpdateModtime: { kind: "flag", about: "leave a time that differs alone where the digests agree" },
  normalizeUnicode: { kind: "flag", about: "compare names by their composed form (NFC)" },
} as const;

export const LIMIT_OPTIONS = {
  transfers: { kind: "count", about: "objects copied at once", default: "10" },
  checkers: { kind: "count", about: "objects looked at at once", default: "16" },
  bwlimit: { kind: "text", value: "rate", about: "bytes per second (1M), or a timetable: '08:00,512K 19:00,off'" },
  tpslimit: { kind: "number", about: "requests begun per second" },
  maxTransfer: { kind: "bytes", about: "end when so much has been copied" },
  maxDuration: { kind: "duration", about: "end after so long" },
  cutoffMode: {
    kind: "text",
    choices: ["hard", "soft", "cautious", "HARD", "SOFT", "CAUTIOUS"],
    value: "mode",
    about: "at a limit: hard breaks copies off, soft lets them finish, cautious begins none too many",
    default: "hard",
  },
  maxFailures: { kind: "count", about: "end after so many failures", default: "10000" },
  retries: { kind: "count", about: "how often something is tried again after an error that may pass", default: "3" },
  timeout: { kind: "duration", about: "so long without progress is a failure", default: "60s" },
  multiThreadCutoff: { kind: "bytes", about: "objects from this size on are read in several ranges at once", default: "64M" },
  multiThreadStreams: { kind: "count", about: "ranges at once", default: "4" },
} as const;

export const REPORT_OPTIONS = {
  verbose: { kind: "flag", short: "v", about: "lines for what is the same, too" },
  stats: { kind: "duration", about: "without a terminal: how often to say how far it is; 0 = never", default: "1m" },
} as const;

export const KEEPING_OPTIONS = {
  backupDir: {
    kind: "text",
    value: "place",
    about: "a folder of the destination's store where overwritten and deleted objects are kept",
  },
  compareDest: { kind: "text", value: "place", about: "what is new and the same there is not copied" },
  verify: {
    kind: "text",
    choices: ["stated", "read"],
    value: "how",
    about: "copies: by the digest that the destination states, or by reading them back",
    default: "stated",
  },
  journal: {
    kind: "text",
    value: "where",
    about: "record of what was copied: on (at the destination), off, or a place",
    default: "on where needed",
  },
  keepPartsAbove: { kind: "bytes", about: "larger objects go on in their middle after a crash" },
} as const;

export const DELETION_OPTIONS = {
  deleteBefore: { kind: "flag", about: "delete before copying" },
  deleteDuring: { kind: "flag", about: "delete while copying" },
  deleteAfter: { kind: "flag", about: "delete when all is copied (default)" },
  maxDelete: {
    kind: "text",
    value: "n",
    about: "most deletes: a number, a percentage, or off; more: nothing is deleted",
    default: "50%",
  },
  deleteExcluded: { kind: "flag", about: "delete also what the filters leave out" },
  allowEmptySource: { kind: "flag", about: "delete though the source has nothing" },
  trackRenames: { kind: "flag", about: "rename at the destination what was renamed at the source" },
  trackRenamesStrategy: {
    kind: "text",
    choices: ["hash", "modtime"],
    value: "how",
    about: "how renames are known",
    default: "hash, else modtime",
  },
} as const;

export const WAY_OPTIONS = {
  oneWay: { kind: "flag", about: "do not mind what only the destination has" },
  download: { kind: "flag", about: "read what no store states a digest of" },
} as const;

export const TWIN_OPTIONS = {
  copyDest: {
    kind: "text",
    value: "place",
    about: "a folder of the destination's store: what is new and the same there is copied from there, within the store",
  },
} as const;

type Filters = typeof FILTER_OPTIONS;
type Moving = Filters & typeof EQUALITY_OPTIONS & typeof LIMIT_OPTIONS & typeof KEEPING_OPTIONS & typeof REPORT_OPTIONS;
type Checking = Filters &
  typeof LIMIT_OPTIONS &
  typeof REPORT_OPTIONS &
  typeof WAY_OPTIONS &
  Pick<typeof EQUALITY_OPTIONS, "sizeOnly" | "normalizeUnicode">;

/** Without --copy-dest: a source goes only for its own copy. */
export const MOVE_OPTIONS: Moving = {
  ...EQUALITY_OPTIONS,
  ...KEEPING_OPTIONS,
  ...FILTER_OPTIONS,
  ...LIMIT_OPTIONS,
  ...REPORT_OPTIONS,
};

export const COPY_OPTIONS: Moving & typeof TWIN_OPTIONS = { ...TWIN_OPTIONS, ...MOVE_OPTIONS };

export const SYNC_OPTIONS: Moving & typeof TWIN_OPTIONS & typeof DELETION_OPTIONS = { ...DELETION_OPTIONS, ...COPY_OPTIONS };

export const CHECK_OPTIONS: Checking = {
  ...WAY_OPTIONS,
  sizeOnly: EQUALITY_OPTIONS.sizeOnly,
  normalizeUnicode: EQUALITY_OPTIONS.normalizeUnicode,
  ...FILTER_OPTIONS,
  ...LIMIT_OPTIONS,
  ...REPORT_OPTIONS,
};
