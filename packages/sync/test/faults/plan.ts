import { OmniError } from "@omni/core";
import type { Fault } from "@omni/core/testing";
import type { SyncOptions } from "@omni/sync";
import fc from "fast-check";

/** One run of the fuzz: two trees, a verb, options and what goes wrong. */
export interface FaultRun {
  readonly verb: "sync" | "copy" | "move";
  /** Path to its time at the source; the bytes follow from path and time. */
  readonly source: Readonly<Record<string, number>>;
  readonly destination: Readonly<Record<string, number>>;
  readonly options: Partial<SyncOptions>;
  readonly atSource: readonly Fault[];
  readonly atDestination: readonly Fault[];
}

const PATHS = ["a", "b", "c/d", "c/e", "c/f/g", "h", "i-j", "k", "l/m", "n"] as const;

/** A path whose versions go to S3 in two parts. */
export const LARGE_PATH = "m/large";
const LARGE_BYTES = 5 * 1024 * 1024 + 300_000;

/** The bytes of a version: no two versions, of one path or of several, are alike; some versions of a path have one length. */
export function bytesOf(path: string, version: number): string {
  if (path === LARGE_PATH) return `${path}@${version}:`.padEnd(LARGE_BYTES, `${path}${version}`);
  return `${path}@${version}:`.padEnd(20 + (version % 2) * 300, `${path}${version}`);
}

export const tree: fc.Arbitrary<Record<string, number>> = fc
  .array(fc.tuple(fc.constantFrom(...PATHS), fc.integer({ min: 0, max: 3 })), { maxLength: 10 })
  .map((pairs): Record<string, number> => Object.fromEntries(pairs));

const denied = (): Error => new OmniError("PERMISSION_DENIED", { reason: "not today", outcome: "not-applied" });

const when = fc.record({
  path: fc.option(fc.constantFrom(...PATHS), { nil: undefined }),
  nth: fc.integer({ min: 1, max: 4 }),
  times: fc.integer({ min: 1, max: 5 }),
});

/** Faults of a store: requests lost, late, answered wrongly; bodies and listings that break off. */
const changes = (operations: readonly ("write" | "delete" | "copy" | "move" | "setMetadata")[]): fc.Arbitrary<Fault> =>
  fc
    .tuple(
      fc.constantFrom(...operations),
      fc.constantFrom("fail", "denied", "fail-after-commit", "apply-late", "apply-twice" as const),
      when,
    )
    .map(([on, how, { path, nth, times }]) => ({
      on,
      nth,
      times,
      ...(path === undefined ? {} : { when: (call: { path: string | undefined }) => call.path === path }),
      ...(how === "denied" ? { do: "fail", error: denied } : { do: how }),
    })) as fc.Arbitrary<Fault>;

const reads: fc.Arbitrary<Fault> = fc
  .tuple(
    fc.constantFrom<"read" | "stat" | "list">("read", "stat", "list"),
    fc.constantFrom("fail", "denied", "truncate", "duplicate", "reorder"),
    when,
    fc.integer({ min: 0, max: 30 }),
  )
  .map(([on, how, { path, nth, times }, at]): Fault => {
    const base = {
      on,
      nth,
      times,
      ...(path === undefined || on === "list" ? {} : { when: (call: { path: string | undefined }) => call.path === path }),
    };
    if (how === "denied") return { ...base, do: "fail", error: denied };
    // A listing that leaves out what is there, or says it twice, is a store that lies: no tool can tell. One that breaks off says so.
    if (on === "list") return { ...base, do: "fail", atEntry: at % 8 };
    if (how === "fail" || on === "stat") return { ...base, do: "fail" };
    return { ...base, do: how as "truncate" | "duplicate" | "reorder", atByte: at };
  });

/** The destination keeps other bytes than it was given, and does not say so. */
const torn: fc.Arbitrary<Fault> = fc
  .tuple(fc.constantFrom<"truncate" | "duplicate">("truncate", "duplicate"), when, fc.integer({ min: 1, max: 19 }))
  .map(([how, { nth }, atByte]) => ({ on: "write", do: how, nth, times: 1, atByte }));

const options: fc.Arbitrary<Partial<SyncOptions>> = fc.record(
  {
    checksum: fc.boolean(),
    deletes: fc.constantFrom("after", "before", "during"),
    trackRenames: fc.constantFrom(false, true),
    journal: fc.boolean(),
    transfers: fc.integer({ min: 1, max: 4 }),
    checkers: fc.integer({ min: 1, max: 4 }),
    retries: fc.integer({ min: 0, max: 2 }),
    verify: fc.constantFrom("stated", "read"),
  },
  { requiredKeys: [] },
);

export const faultRuns: fc.Arbitrary<FaultRun> = fc
  .record({
    verb: fc.constantFrom<"sync" | "copy" | "move">("sync", "copy", "move"),
    source: tree,
    destination: tree,
    options,
    atSource: fc.array(fc.oneof(reads, changes(["delete"])), { maxLength: 3 }),
    atDestination: fc.array(fc.oneof(reads, changes(["write", "delete", "move", "setMetadata"])), { maxLength: 3 }),
    tears: fc.option(torn, { nil: undefined }),
  })
  .map(({ tears, atDestination, options: given, ...rest }) => ({
    ...rest,
    options: {
      ...given,
      trackRenames: given.deletes === undefined || given.deletes === "after" ? (given.trackRenames ?? false) : false,
    },
    // What arrived torn is taken back by a delete: a store that tears and refuses deletes at once cannot be helped.
    atDestination: tears
      ? [tears, ...atDestination.filter(({ on }) => on !== "delete" && on !== "stat" && on !== "read")]
      : atDestination,
  }));
