import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { propertyRuns, recordCounts } from "@omni/property";
import { describeWithServer } from "@omni/servers";
import type { Tally } from "@omni/store-trials";
import { makeBucket } from "@omni/store-trials/s3";
import { sourceFlags } from "../../../tools/bootstrap/toolchain.mjs";
import type { HarnessOrder } from "./fault-harness.ts";

const { numRuns, seeds } = propertyRuns({ name: "s3 under faults", push: 400, test: 60 });
const LIMIT_MS = numRuns * 4_000 + 120_000;

await describeWithServer("s3", "s3 through a network that fails", (current) => {
  beforeAll(() => makeBucket(current()));

  test.each(seeds)(
    "ends in success or one typed error that tells the truth, seed %d",
    async (seed) => {
      const { name, url, credentials, region } = current();
      const order = { server: { name, url, credentials, region }, seed, runs: numRuns } as HarnessOrder;
      const line = [...sourceFlags(), join(import.meta.dirname, "fault-harness.ts"), JSON.stringify(order)];
      const { stdout, stderr } = await promisify(execFile)(process.execPath, line, { timeout: LIMIT_MS, maxBuffer: 1e8 });
      expect(stderr).toBe("");

      const { complaints, ...counts } = JSON.parse(stdout) as Tally;
      expect(complaints).toEqual([]);
      expect(counts).toMatchObject({ torn: 0, orphans: 0, hangs: 0, untyped: 0, untrue: 0 });
      expect(counts.runs).toBeGreaterThanOrEqual(numRuns);
      expect(counts.notApplied + counts.unknown).toBeGreaterThan(numRuns / 20);
      const { runs, ...outcomes } = counts;
      recordCounts({ "s3 under faults": runs, ...outcomes, unhandledRejections: 0 });
    },
    LIMIT_MS + 10_000,
  );
});
