import { type CommandSpec, defineCommand } from "../command.ts";
import { CHECK_OPTIONS, COPY_OPTIONS, MOVE_OPTIONS, SYNC_OPTIONS } from "./sync-options.ts";

const ENDS = [
  { name: "<from>", about: "the source: URL, local directory or name:path" },
  { name: "<to>", about: "the destination" },
] as const;

const HEADING = "Folders and whole stores";
const MARKS = "Lines: = the same (with --verbose), + only at the source, - only at the destination, * different, ! failed.";

/** The commands on folders and whole stores: the verbs of `@omni/sync`. */
export const syncCommands: readonly CommandSpec[] = [
  defineCommand({
    name: "sync",
    heading: HEADING,
    summary: "Make a destination what the source is, deletes included",
    description: `${MARKS}\n\nWithout --yes the run is planned first, and if it would delete anything it asks; where nobody can be asked it does nothing. Nothing is deleted after an error, when the source is empty, or beyond --max-delete.`,
    arguments: ENDS,
    options: SYNC_OPTIONS,
    changes: true,
    asks: true,
    examples: [
      { command: "omni sync --dry-run ./site s3://bucket/site", about: "what would be done" },
      { command: "omni sync ./site s3://bucket/site --exclude '*.tmp' --yes", about: "do it, without asking" },
      {
        command: "omni sync ./site s3://bucket/site --backup-dir s3://bucket/old-site --bwlimit '08:00,1M 19:00,off'",
        about: "keep what is replaced; slower by day",
      },
    ],
    load: () => import("./sync.ts"),
  }),
  defineCommand({
    name: "copy",
    heading: HEADING,
    summary: "Copy what is missing or different; delete nothing",
    description: MARKS,
    arguments: ENDS,
    options: COPY_OPTIONS,
    changes: true,
    examples: [
      { command: "omni copy s3://bucket/2026/ ./2026", about: "a folder to here" },
      { command: "omni copy ./in gs://bucket/in --files-from list.txt --transfers 32", about: "these files, 32 at once" },
      {
        command: "omni copy ./site s3://bucket/tuesday --copy-dest s3://bucket/monday",
        about: "what Monday's copy has already is copied within the bucket, not sent again",
      },
    ],
    load: () => import("./copy.ts"),
  }),
  defineCommand({
    name: "move",
    heading: HEADING,
    summary: "Copy, then delete each source whose copy is proven",
    description: `${MARKS}\n\nAsks before it begins. A source goes only when a digest proves its copy.`,
    arguments: ENDS,
    options: MOVE_OPTIONS,
    changes: true,
    asks: true,
    examples: [{ command: "omni move s3://inbox/ s3://archive/inbox/ --min-age 30d --yes", about: "what is older than 30 days" }],
    load: () => import("./move.ts"),
  }),
  defineCommand({
    name: "check",
    heading: HEADING,
    summary: "Compare two places; change nothing",
    description: `${MARKS}\n\nCompares sizes, and digests where both stores state one. Exit code 0: the same; 1: something differs; 3: nothing differs, but of some objects only the sizes could be compared: --download reads them.`,
    arguments: ENDS,
    options: CHECK_OPTIONS,
    examples: [
      { command: "omni check ./site s3://bucket/site", about: "by what the stores state" },
      { command: "omni check ./site s3://bucket/site --download --one-way", about: "by reading, and extra objects do not count" },
    ],
    load: () => import("./check.ts"),
  }),
  defineCommand({
    name: "migrate",
    heading: HEADING,
    summary: "Copy a whole store, with a journal to go on after a crash",
    description: `${MARKS}\n\nThe same command goes on where a run ended; nothing whose completion was recorded is copied again.`,
    arguments: ENDS,
    options: COPY_OPTIONS,
    changes: true,
    examples: [
      {
        command: "omni migrate s3://old gs://new --verify read --keep-parts-above 1G",
        about: "large objects go on in their middle",
      },
    ],
    load: () => import("./migrate.ts"),
  }),
];
