// Code that stands twice and is meant to, each with its reason. A repetition that is longer than it says is told again.

/** One pair of files. */
export interface Explained {
  /** From the repository's root; twice the same where a file repeats itself. */
  readonly files: readonly [string, string];
  /** The longest of their repetitions. */
  readonly lines: number;
  readonly why: string;
}

/** No driver imports another, and what core exports is for applications: what only two drivers share stays in both while it is this small. */
const TWO_DRIVERS = "two drivers, which do not import each other, and too little for a name in core's public interface";

export const explained: readonly Explained[] = [
  {
    files: ["packages/gcs/src/errors.ts", "packages/s3/src/errors.ts"],
    lines: 16,
    why: `${TWO_DRIVERS}; the facts differ, and so does the symbol under which they are kept`,
  },
  {
    files: ["packages/gcs/src/options.ts", "packages/s3/src/options.ts"],
    lines: 15,
    why: `${TWO_DRIVERS}: options that have one name everywhere, and four lines that read a bucket's URL`,
  },
  {
    files: ["packages/gcs/src/objects.ts", "packages/s3/src/objects.ts"],
    lines: 11,
    why: `${TWO_DRIVERS}: leaving out what is undefined`,
  },
  {
    files: ["packages/file/src/layout.ts", "packages/sftp/src/layout.ts"],
    lines: 22,
    why: `${TWO_DRIVERS}: the words by which both refuse a name that a file system cannot hold`,
  },
  {
    files: ["packages/file/src/driver.ts", "packages/memory/src/driver.ts"],
    lines: 12,
    why: "a driver's table of features: each one declares its own, whatever others declare",
  },
  {
    files: ["packages/cloud/src/migrating/migrating.ts", "packages/core/src/fleet/fleet.ts"],
    lines: 17,
    why: "options that are handed on: each public interface says its own in full, with its own docstrings",
  },
  {
    files: ["packages/multi/src/verify.ts", "packages/cli/src/commands/verify.ts"],
    lines: 11,
    why: "a report's text for logs and the command's for people: their words may part, and quoting and verdict do already",
  },
  {
    files: ["packages/cli/src/commands/copy.ts", "packages/cli/src/commands/migrate.ts"],
    lines: 9,
    why: "two commands of one line each: what is alike is what they import",
  },
  {
    files: ["packages/multi/src/fan-out.ts", "packages/multi/src/tolerant-write.ts"],
    lines: 9,
    why: "two getters of one line each over fields of their own class",
  },
  {
    files: ["packages/queue-nats/src/core-subscription.ts", "packages/queue-nats/src/subscription.ts"],
    lines: 9,
    why: "the one call that both kinds of subscription answer, over state that each ends in its own way",
  },
  {
    files: ["packages/queue-composite/src/member-link.ts", "packages/core/src/queue/parcel.ts"],
    lines: 12,
    why: "a signal that is made when it is asked for, on the way of each message: an object of its own would cost what it saves",
  },
  {
    files: ["packages/core/src/lanes.ts", "packages/core/src/push-body.ts"],
    lines: 11,
    why: "two queues of chunks that end alike and take bytes by different rules; on the way of each chunk",
  },
  {
    files: ["packages/core/src/queue/consumer.ts", "packages/core/src/queue/queue.ts"],
    lines: 11,
    why: "two closings, each the first call's promise for all who ask: the shape of an `await using`",
  },
  {
    files: ["packages/cli/test/doctor.test.ts", "packages/cli/test/doctor.test.ts"],
    lines: 13,
    why: "what the command says of two stores, written out: a list that were made by a function would be read by nobody",
  },
];
