// Sync through a network that resets, stalls, cuts short, refuses, and loses the answers of what was done, to the real S3 server.
import { randomUUID } from "node:crypto";
import type { Backend } from "@omni/core";
import { type FaultProxy, faultProxy, type Subject } from "@omni/fault-proxy";
import { memory } from "@omni/memory";
import { propertyRuns } from "@omni/property";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { faultsOf } from "@omni/store-trials";
import { freshStore, makeBucket, S3_REFUSALS } from "@omni/store-trials/s3";
import { copy, move, type SyncReport, sync } from "@omni/sync";
import fc from "fast-check";
import { checkNamed, checkSafety, plantVersions, textOf, wanted } from "../faults/judge.ts";
import { harvest } from "../trees.ts";
import { type NetworkRun, networkRuns, type Strike } from "./plan.ts";

const VERBS = { sync, copy, move };
const FAULTS = faultsOf(S3_REFUSALS);
const PART_BYTES = 5 * 1024 * 1024;
const TIMEOUT_MS = 1_500;

/** One side of a run: as the run sees it, and as it is. */
interface Side {
  readonly given: Backend;
  readonly direct: Backend;
}

function sideOf(server: RunningServer, proxy: FaultProxy, isOnS3: boolean): Side {
  if (!isOnS3) {
    const store = memory();
    return { given: store, direct: store };
  }
  const common = { prefix: randomUUID(), partSizeBytes: PART_BYTES };
  return {
    given: freshStore(server, { ...common, endpoint: proxy.url, socketTimeoutMs: 400, maxAttempts: 2 }),
    direct: freshStore(server, common),
  };
}

/** @returns how many requests were struck */
function strikeWith(proxy: FaultProxy, strikes: readonly Strike[]): () => number {
  let struck = 0;
  for (const { fault, after, times, method } of strikes) {
    let seen = 0;
    proxy.use((subject: Subject) => {
      if (method !== undefined && subject.method !== method) return undefined;
      seen++;
      if (seen <= after || seen > after + times) return undefined;
      struck++;
      return FAULTS[fault % FAULTS.length];
    });
  }
  return () => struck;
}

await describeWithServer("s3", "sync through a network that fails", (current) => {
  let proxy: FaultProxy;
  let struckRuns = 0;
  let failedRuns = 0;
  beforeAll(async () => {
    await makeBucket(current());
    proxy = await faultProxy(current().url);
  });
  afterAll(() => proxy.close());

  async function play(run: NetworkRun): Promise<void> {
    const from = sideOf(current(), proxy, run.onS3 !== "destination");
    const to = sideOf(current(), proxy, run.onS3 !== "source");
    try {
      await plantVersions(from.direct, run.source);
      await plantVersions(to.direct, run.destination);
      const common = { ...run.options, maxDelete: false, allowEmptySource: true, from: from.given, to: to.given } as const;
      const struck = strikeWith(proxy, run.strikes);
      let report: SyncReport | undefined;
      try {
        report = await VERBS[run.verb]({ ...common, timeoutMs: TIMEOUT_MS });
      } catch (error) {
        // Only the journal, which is kept where a side is on S3, can keep a run from beginning.
        expect(error).toMatchObject({ name: "OmniError" });
      }
      proxy.clear();
      proxy.cut();
      if (struck() > 0) struckRuns++;
      if (!report?.ok) failedRuns++;
      await checkSafety(run, from.direct, to.direct);
      if (report) checkNamed(run, report, await harvest(to.direct), await harvest(from.direct));

      const clean = await VERBS[run.verb]({ ...common, timeoutMs: 60_000, retries: 3 });
      expect(clean.failures).toEqual([]);
      expect(await harvest(to.direct)).toEqual(wanted(run));
      expect(await harvest(from.direct)).toEqual(run.verb === "move" ? {} : textOf(run.source));
    } finally {
      proxy.clear();
      for (const side of [from, to]) {
        if (side.direct !== side.given) await side.direct.purge("");
        await Promise.all([side.given.close(), side.direct.close()]);
      }
    }
  }

  test("nothing is lost or torn, every failure is named, and the next clean run converges", async () => {
    const runs = propertyRuns({ name: "sync through a failing network", push: 20, test: 6 });
    for (const parameters of runs.parameters) await fc.assert(fc.asyncProperty(networkRuns, play), parameters);
    // Faults that strike nothing, or never to any effect, would test nothing.
    expect(struckRuns).toBeGreaterThan(0);
    if (runs.numRuns >= 20) expect(failedRuns).toBeGreaterThan(0);
  }, 3_600_000);
});
