import type { SyncOptions } from "@omni/sync";
import fc from "fast-check";
import { LARGE_PATH, tree } from "../faults/plan.ts";

/** One run through a network that fails: two trees, which of them are on S3, and which requests a fault strikes. */
export interface NetworkRun {
  readonly verb: "sync" | "copy" | "move";
  readonly source: Readonly<Record<string, number>>;
  readonly destination: Readonly<Record<string, number>>;
  readonly onS3: "source" | "destination" | "both";
  readonly options: Partial<SyncOptions>;
  readonly strikes: readonly Strike[];
}

/** A fault that strikes some requests in a row. */
export interface Strike {
  /** Of the faults that there are, modulo their number. */
  readonly fault: number;
  /** Requests that pass before it. */
  readonly after: number;
  readonly times: number;
  /** Strikes only requests of this method. */
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | undefined;
}

const strike: fc.Arbitrary<Strike> = fc.record({
  fault: fc.nat(1_000),
  after: fc.integer({ min: 0, max: 12 }),
  times: fc.integer({ min: 1, max: 8 }),
  method: fc.option(fc.constantFrom("GET", "HEAD", "PUT", "POST", "DELETE"), { nil: undefined }),
});

const options: fc.Arbitrary<Partial<SyncOptions>> = fc.record(
  {
    checksum: fc.boolean(),
    trackRenames: fc.boolean(),
    transfers: fc.integer({ min: 1, max: 4 }),
    retries: fc.integer({ min: 0, max: 2 }),
    verify: fc.constantFrom("stated", "read"),
  },
  { requiredKeys: [] },
);

export const networkRuns: fc.Arbitrary<NetworkRun> = fc
  .record({
    verb: fc.constantFrom<NetworkRun["verb"]>("sync", "copy", "move"),
    source: tree,
    destination: tree,
    large: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 6 }),
    onS3: fc.constantFrom<NetworkRun["onS3"]>("source", "destination", "both"),
    options,
    strikes: fc.array(strike, { minLength: 1, maxLength: 3 }),
  })
  .map(({ large, source, ...rest }) => ({
    ...rest,
    source: large === undefined ? source : { ...source, [LARGE_PATH]: large },
  }));
