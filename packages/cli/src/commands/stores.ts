import { type CommandSpec, defineCommand } from "../command.ts";

const PLACE = { name: "<place>", about: "URL, local path or name:path; a folder" } as const;

export const LS_OPTIONS = {
  recursive: { kind: "flag", short: "R", about: "everything below, too" },
  long: { kind: "flag", short: "l", about: "size in bytes and time of modification (UTC) before each name" },
} as const;

export const CAT_OPTIONS = {
  offset: { kind: "bytes", about: "first byte" },
  count: { kind: "bytes", about: "most bytes" },
} as const;

export const PUT_OPTIONS = {
  contentType: { kind: "text", about: "media type (default: by the name's ending)" },
  cacheControl: { kind: "text", about: "the header Cache-Control" },
  contentEncoding: { kind: "text", about: "the header Content-Encoding" },
  contentDisposition: { kind: "text", about: "the header Content-Disposition" },
  metadata: { kind: "texts", value: "name=value", about: "metadata that travels with the object; repeatable" },
  ifAbsent: { kind: "flag", about: "only if nothing is there" },
  ifMatch: { kind: "text", value: "etag", about: "replace only this version" },
  partSize: { kind: "bytes", about: "size of an upload's parts" },
  concurrency: { kind: "count", about: "parts under way at once" },
} as const;

export const GET_OPTIONS = {
  force: { kind: "flag", short: "f", about: "replace a file that exists" },
} as const;

export const CP_OPTIONS = {
  ifAbsent: { kind: "flag", about: "only if nothing is there" },
} as const;

export const RM_OPTIONS = {
  recursive: { kind: "flag", short: "r", about: "folders, and everything in them" },
  force: { kind: "flag", short: "f", about: "what is missing is no error" },
} as const;

export const TREE_OPTIONS = {
  depth: { kind: "count", short: "L", about: "levels to show" },
  directories: { kind: "flag", short: "d", about: "folders alone" },
} as const;

export const DU_OPTIONS = {
  depth: { kind: "count", short: "d", about: "levels to show", default: "1" },
  bytes: { kind: "flag", short: "b", about: "sizes in bytes" },
} as const;

const NONE = {} as const;
const HEADING = "Objects";

const reading: readonly CommandSpec[] = [
  defineCommand({
    name: "ls",
    heading: HEADING,
    summary: "List a folder, or the configured names",
    description: "Folders end in /. With --recursive the listing comes as the store gives it, in constant memory.",
    arguments: [{ name: "[place]", about: "a folder or an object (default: the names of omni.config)" }],
    options: LS_OPTIONS,
    examples: [
      { command: "omni ls s3://bucket/photos/", about: "one level" },
      { command: "omni ls -R --json backup: | jq -r .path", about: "everything of a configured store, for other programs" },
    ],
    load: () => import("./ls.ts"),
  }),
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
  defineCommand({
    name: "stat",
    heading: HEADING,
    summary: "Show what a store knows of objects",
    arguments: [{ name: "<objects...>", about: "objects" }],
    options: NONE,
    examples: [{ command: "omni stat --json s3://bucket/a.jpg", about: "size, times, digests, headers and metadata" }],
    load: () => import("./stat.ts"),
  }),
  defineCommand({
    name: "tree",
    heading: HEADING,
    summary: "Show folders as a tree",
    arguments: [PLACE],
    options: TREE_OPTIONS,
    examples: [{ command: "omni tree -L 2 s3://bucket/", about: "two levels" }],
    load: () => import("./tree.ts"),
  }),
  defineCommand({
    name: "du",
    heading: HEADING,
    summary: "Add up sizes",
    arguments: [PLACE],
    options: DU_OPTIONS,
    examples: [{ command: "omni du -d 2 s3://bucket/", about: "sizes of two levels of folders, and all in all" }],
    load: () => import("./du.ts"),
  }),
];

const changing: readonly CommandSpec[] = [
  defineCommand({
    name: "put",
    heading: HEADING,
    summary: "Upload local files, or stdin",
    description: "An object appears when all its bytes are there; what was there before stays until then.",
    arguments: [
      { name: "<file>", about: "a local file; - is stdin" },
      { name: "<place...>", about: "more files, and last where to: an object, or a folder (ending in /)" },
    ],
    usage: "[options] <file...> <place>",
    options: PUT_OPTIONS,
    changes: true,
    examples: [
      { command: "omni put report.pdf s3://bucket/reports/", about: "keeps its name" },
      { command: "pg_dump shop | omni put - s3://bucket/shop.sql --content-type text/plain", about: "from a pipe" },
    ],
    load: () => import("./put.ts"),
  }),
  defineCommand({
    name: "get",
    heading: HEADING,
    summary: "Download an object to a file",
    description: "The file appears when all its bytes are there and agree with the digest that the store states.",
    arguments: [
      { name: "<object>", about: "the object" },
      { name: "[file]", about: "file or directory; - is stdout (default: the object's name, here)" },
    ],
    options: GET_OPTIONS,
    changes: true,
    examples: [{ command: "omni get s3://bucket/reports/report.pdf", about: "to ./report.pdf" }],
    load: () => import("./get.ts"),
  }),
  defineCommand({
    name: "cp",
    heading: HEADING,
    summary: "Copy objects, within a store or between two",
    description: "Within a store the store copies. For folders use `omni copy`.",
    arguments: [
      { name: "<object>", about: "an object" },
      { name: "<place...>", about: "more objects, and last where to: an object, or a folder (ending in /)" },
    ],
    usage: "[options] <object...> <place>",
    options: CP_OPTIONS,
    changes: true,
    examples: [{ command: "omni cp s3://bucket/a.txt gs://other/a.txt", about: "headers, metadata and time go along" }],
    load: () => import("./cp.ts"),
  }),
  defineCommand({
    name: "mv",
    heading: HEADING,
    summary: "Move objects, within a store or between two",
    description: "A source is deleted only when its copy is proven and it is still what was copied. For folders use `omni move`.",
    arguments: [
      { name: "<object>", about: "an object" },
      { name: "<place...>", about: "more objects, and last where to: an object, or a folder (ending in /)" },
    ],
    usage: "[options] <object...> <place>",
    options: CP_OPTIONS,
    changes: true,
    examples: [{ command: "omni mv s3://bucket/new.txt s3://bucket/old.txt", about: "a rename" }],
    load: () => import("./mv.ts"),
  }),
  defineCommand({
    name: "rm",
    heading: HEADING,
    summary: "Delete objects, or folders with --recursive",
    description: "Before folders are deleted it is asked, and without a terminal refused, unless --yes is given.",
    arguments: [{ name: "<places...>", about: "objects; with --recursive folders" }],
    options: RM_OPTIONS,
    changes: true,
    asks: true,
    examples: [
      { command: "omni rm s3://bucket/old.txt", about: "one object" },
      { command: "omni rm -r --dry-run s3://bucket/2019/", about: "what would go" },
    ],
    load: () => import("./rm.ts"),
  }),
  defineCommand({
    name: "mkdir",
    heading: HEADING,
    summary: "Make folders, where the store has them",
    arguments: [{ name: "<places...>", about: "folders" }],
    options: NONE,
    changes: true,
    examples: [{ command: "omni mkdir ./data/inbox", about: "object stores need none: a folder is there with its first object" }],
    load: () => import("./mkdir.ts"),
  }),
  defineCommand({
    name: "rmdir",
    heading: HEADING,
    summary: "Remove empty folders, where the store has them",
    arguments: [{ name: "<places...>", about: "folders" }],
    options: NONE,
    changes: true,
    asks: true,
    examples: [{ command: "omni rmdir ./data/inbox", about: "an empty one" }],
    load: () => import("./rmdir.ts"),
  }),
];

/** The commands on objects of one store, or between two. */
export const storeCommands: readonly CommandSpec[] = [...reading, ...changing];
