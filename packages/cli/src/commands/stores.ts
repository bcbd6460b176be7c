import { type CommandSpec, defineCommand } from "../command.ts";

/** Options of `omni cat`. */
export const CAT_OPTIONS = {
  offset: { kind: "bytes", about: "first byte" },
  count: { kind: "bytes", about: "most bytes" },
} as const;

const HEADING = "Objects";

/** The commands on objects of one store, or between two. */
export const storeCommands: readonly CommandSpec[] = [
  defineCommand({
    name: "cat",
    heading: HEADING,
    summary: "Print objects to stdout",
    arguments: [{ name: "<objects...>", about: "objects, one after the other" }],
    options: CAT_OPTIONS,
    examples: [
      { command: "omni cat s3://bucket/notes.txt", about: "one object" },
      { command: "omni cat --offset 1M --count 64K backup:big.bin | xxd | head", about: "a part of one" },
    ],
    load: () => import("./cat.ts"),
  }),
];
