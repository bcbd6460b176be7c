import { randomUUID } from "node:crypto";
import { faultProxy } from "@omni/fault-proxy";
import { propertyRuns, recordCounts } from "@omni/property";
import { describeWithServer } from "@omni/servers";
import { emptyTally, faultRun, random } from "./fault-run.ts";
import { freshStore, makeBucket, rawClient } from "./store.ts";

const LANES = 8;
const { numRuns, seeds } = propertyRuns({ name: "gcs under faults", push: 400, test: 60 });

await describeWithServer("gcs", "gcs through a network that fails", (current) => {
  beforeAll(() => makeBucket(current()));

  test.each(seeds)(
    "ends in success or one typed error that tells the truth, seed %d",
    async (seed) => {
      const rejections: unknown[] = [];
      const onRejection = (reason: unknown): void => void rejections.push(reason);
      process.on("unhandledRejection", onRejection);
      const tally = emptyTally();
      const lane = async (number: number): Promise<void> => {
        const prefix = randomUUID();
        await using proxy = await faultProxy(current().url);
        await using store = freshStore(current(), {
          apiEndpoint: proxy.url,
          prefix,
          socketTimeoutMs: 400,
          chunkSizeBytes: 256 * 1024,
        });
        await using direct = freshStore(current(), { prefix, client: rawClient(current()) });
        const next = random(seed + number);
        while (tally.runs < numRuns) await faultRun(proxy, store, direct, next, tally);
      };
      await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
      process.off("unhandledRejection", onRejection);

      const { complaints, runs, torn, orphans, hangs, untyped, untrue, ...outcomes } = tally;
      expect(complaints).toEqual([]);
      expect(rejections).toEqual([]);
      expect(outcomes.notApplied + outcomes.unknown).toBeGreaterThan(runs / 20);
      recordCounts({
        "gcs under faults": runs,
        ...outcomes,
        torn,
        orphans,
        hangs,
        untyped,
        untrue,
        unhandledRejections: rejections.length,
      });
    },
    numRuns * 2_000 + 30_000,
  );
});
