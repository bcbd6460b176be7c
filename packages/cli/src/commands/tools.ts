import { type CommandSpec, defineCommand } from "../command.ts";

export const SIGN_OPTIONS = {
  method: { kind: "text", short: "X", choices: ["GET", "PUT", "POST", "DELETE"], default: "GET", about: "what the holder may do" },
  expires: { kind: "duration", short: "e", about: "how long it works", default: "15m" },
  contentType: { kind: "text", about: "the media type that an upload must have" },
  minSize: { kind: "bytes", about: "least size of an upload (POST)" },
  maxSize: { kind: "bytes", about: "greatest size of an upload (POST)" },
  responseContentType: { kind: "text", about: "the media type that a download gets" },
  downloadAs: { kind: "text", value: "name", about: "the file name that a browser saves a download as" },
} as const;

export const BENCH_OPTIONS = {
  size: { kind: "bytes", about: "bytes of an object", default: "64K" },
  objects: { kind: "count", about: "how many objects", default: "50" },
  concurrency: { kind: "count", about: "how many at once", default: "8" },
} as const;

export const DOCTOR_OPTIONS = {
  readOnly: { kind: "flag", about: "write no probe object" },
  publish: { kind: "flag", about: "send a probe message through each queue, on the topic omni-doctor" },
  timeout: { kind: "duration", about: "for each check", default: "15s" },
} as const;

const HEADING = "Tools";

/** The commands that look at stores and brokers, and hand out rights to them. */
export const toolCommands: readonly CommandSpec[] = [
  defineCommand({
    name: "sign",
    heading: HEADING,
    summary: "Make a URL that lets its holder do one thing for a while",
    description:
      "Prints the URL; the headers that a request must carry, and the form fields of a POST, follow on lines of their own.",
    arguments: [{ name: "<object>", about: "the object; for uploads it need not exist" }],
    options: SIGN_OPTIONS,
    examples: [
      { command: "omni sign s3://bucket/report.pdf --expires 1h", about: "a download for an hour" },
      {
        command: "omni sign -X PUT photos:cat.jpg --content-type image/jpeg",
        about: "an upload: curl -T cat.jpg -H 'content-type: image/jpeg' URL",
      },
      { command: "omni sign -X POST photos:cat.jpg --max-size 5M --json", about: "a form for a browser" },
    ],
    load: () => import("./sign.ts"),
  }),
  defineCommand({
    name: "bench",
    heading: HEADING,
    summary: "Measure put, get, list and delete of a store, roughly",
    description:
      "Writes objects of random bytes into a folder of its own, reads, lists and deletes them. The figures are an indication of this machine, this network and this moment, not a benchmark.",
    arguments: [{ name: "<place>", about: "a store or a folder of it" }],
    options: BENCH_OPTIONS,
    changes: true,
    examples: [
      { command: "omni bench s3://bucket --size 1M --objects 100 --concurrency 16", about: "100 objects of 1 MiB, 16 at once" },
    ],
    load: () => import("./bench.ts"),
  }),
  defineCommand({
    name: "doctor",
    heading: "Setting up",
    summary: "Check configuration, credentials, clock and permissions, and say what to do",
    description:
      "Opens every configured store and queue, or those that are named. In stores a probe object (omni-doctor-…) is written, read and deleted. Exit code 0: nothing failed; 4: something did.",
    arguments: [{ name: "[places...]", about: "stores and queues: names, or URLs (default: everything configured)" }],
    options: DOCTOR_OPTIONS,
    examples: [
      { command: "omni doctor", about: "everything in omni.config" },
      { command: "omni doctor s3://bucket/prefix nats://host:4222 --read-only", about: "these two, nothing written" },
    ],
    load: () => import("./doctor.ts"),
  }),
];
