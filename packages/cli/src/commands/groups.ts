import { type CommandSpec, defineCommand } from "../command.ts";

export const VERIFY_OPTIONS = {
  content: {
    kind: "text",
    choices: ["digest", "size"],
    default: "digest",
    about: "digest compares contents, size what listings say",
  },
  after: { kind: "text", value: "path", about: "go on after this path, where an earlier run ended" },
} as const;

export const REPAIR_OPTIONS = {
  prefer: { kind: "text", value: "member", about: "the member that is right where nothing else says so" },
  notesOnly: { kind: "flag", about: "follow the journal's notes, and compare no listings" },
  concurrency: { kind: "count", about: "objects repaired side by side", default: "8" },
  after: { kind: "text", value: "path", about: "go on after this path" },
} as const;

export const RECOVER_OPTIONS = {
  olderThan: { kind: "duration", about: "only changes decided at least so long ago", default: "0" },
  sweep: { kind: "flag", about: "then remove what writers that are gone left staged for a day" },
} as const;

const HEADING = "Groups of stores";
const GROUP = { name: "<group>", about: "a group of omni.config; name:prefix for a part of it" } as const;
const WHOLE = { name: "<group>", about: "a group of omni.config" } as const;

/** The commands on groups of stores: what `multi` calls verify, repair, recover and intents. */
export const groupCommands: readonly CommandSpec[] = [
  defineCommand({
    name: "verify",
    heading: HEADING,
    summary: "Compare what the members of a group hold",
    description:
      "Repairs nothing; with a journal, a decided change that it meets half done is finished, as by every reader of the journal. Exit code 0: all alike; 1: members differ; 2: decided changes are open that could not be finished (see omni intents); 3: a member did not answer, or nothing tells which one is right.",
    arguments: [GROUP],
    options: VERIFY_OPTIONS,
    examples: [
      { command: "omni verify mirror", about: "every object of the group" },
      { command: "omni verify mirror:2026/ --content size --json", about: "a part, by the listings alone, for programs" },
    ],
    load: () => import("./verify.ts"),
  }),
  defineCommand({
    name: "repair",
    heading: HEADING,
    summary: "Bring members that missed changes to what was decided",
    description:
      "Where nothing says which member is right, the object is left alone and named; --prefer says it, and asks before, since what that member lacks is deleted elsewhere. Exit code 0: all alike now; 3: something was left alone; 4: something could not be repaired.",
    arguments: [GROUP],
    options: REPAIR_OPTIONS,
    changes: true,
    asks: true,
    examples: [
      { command: "omni repair mirror --dry-run", about: "what would be repaired" },
      { command: "omni repair mirror:2026/ --prefer primary", about: "where in doubt, the member primary is right" },
    ],
    load: () => import("./repair.ts"),
  }),
  defineCommand({
    name: "recover",
    heading: HEADING,
    summary: "Finish decided changes that a crash or an outage left open",
    description:
      "For groups with a journal; any number may run at once. Exit code 0: nothing is open any more; 2: something still is.",
    arguments: [WHOLE],
    options: RECOVER_OPTIONS,
    changes: true,
    examples: [
      { command: "omni recover mirror", about: "after a crash, or at every start of an application" },
      { command: "omni recover mirror --older-than 5m --sweep", about: "what is surely nobody's work, and what was left staged" },
    ],
    load: () => import("./recover.ts"),
  }),
  defineCommand({
    name: "intents",
    heading: HEADING,
    summary: "List decided changes that not every member has confirmed",
    description: "For groups with a journal. Exit code 0: there are none; 2: there are.",
    arguments: [WHOLE],
    options: {},
    examples: [{ command: "omni intents mirror --json", about: "id, path, kind and time of each" }],
    load: () => import("./intents.ts"),
  }),
];
