import { randomUUID } from "node:crypto";
import { faultProxy } from "@omni/fault-proxy";
import type { GcsBackend } from "@omni/gcs";
import { propertyRuns, recordCounts } from "@omni/property";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { type FaultLane, faultLanes } from "@omni/store-trials";
import { freshStore, makeBucket, rawClient } from "@omni/store-trials/gcs";

const CHUNK_BYTES = 256 * 1024;
const { numRuns, seeds } = propertyRuns({ name: "gcs under faults", push: 400, test: 60 });

const refusal = (code: number, reason: string): string =>
  JSON.stringify({
    error: { code, message: "Try again later.", errors: [{ domain: "global", reason, message: "Try again later." }] },
  });

async function openLane(server: RunningServer): Promise<FaultLane> {
  const prefix = randomUUID();
  const proxy = await faultProxy(server.url);
  const store = freshStore(server, { apiEndpoint: proxy.url, prefix, socketTimeoutMs: 400, chunkSizeBytes: CHUNK_BYTES });
  const direct = freshStore(server, { prefix, client: rawClient(server) });
  return {
    proxy,
    store,
    direct,
    leftovers: () => stagedLeft(direct),
    async close() {
      await store.close();
      await direct.close();
      await proxy.close();
    },
  };
}

async function stagedLeft(store: GcsBackend): Promise<readonly string[]> {
  await store.sweepStale({ olderThanMs: 0 });
  const client = await store.driver.client();
  const [, bucket = "", root = ""] = (store.driver.identity ?? "").split("|").map(decodeURIComponent);
  const [files] = await client.bucket(bucket).getFiles({ prefix: `${root}.omni/` });
  return files.map(({ name }) => name);
}

await describeWithServer("gcs", "gcs through a network that fails", (current) => {
  beforeAll(() => makeBucket(current()));

  test.each(seeds)(
    "ends in success or one typed error that tells the truth, seed %d",
    async (seed) => {
      const rejections: unknown[] = [];
      const onRejection = (reason: unknown): void => void rejections.push(reason);
      process.on("unhandledRejection", onRejection);
      const { complaints, ...counts } = await faultLanes({
        seed,
        runs: numRuns,
        refusals: { overloaded: refusal(503, "backendError"), internal: refusal(500, "internalError") },
        // Two chunks and a bit.
        largeBytes: 2 * CHUNK_BYTES + 1_000,
        mostRepeats: 10,
        open: () => openLane(current()),
      });
      process.off("unhandledRejection", onRejection);

      expect(complaints).toEqual([]);
      expect(rejections).toEqual([]);
      expect(counts).toMatchObject({ torn: 0, orphans: 0, hangs: 0, untyped: 0, untrue: 0 });
      expect(counts.runs).toBeGreaterThanOrEqual(numRuns);
      expect(counts.notApplied + counts.unknown).toBeGreaterThan(numRuns / 20);
      const { runs, ...outcomes } = counts;
      recordCounts({ "gcs under faults": runs, ...outcomes, unhandledRejections: rejections.length });
    },
    numRuns * 4_000 + 120_000,
  );
});
