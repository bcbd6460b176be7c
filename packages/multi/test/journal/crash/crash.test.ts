import { randomUUID } from "node:crypto";
import { killRuns, recordCounts } from "@omni/property";
import { describeWithServer } from "@omni/servers";
import { makeS3Bucket } from "../../buckets.ts";
import { type CrashReport, CrashRun, clearStage, setStage } from "./harness.ts";

/** So many in all; a seed moves the places where the first ones are killed. */
const KILLS = killRuns({ test: 20, push: 60 });
const SEED = Number(process.env.OMNI_SEED ?? Math.floor(Math.random() * 10_000)) % 10_000;

function expectSound(report: CrashReport, kills: number): void {
  const { reached, violations, ...counts } = report;
  recordCounts(counts);
  expect(violations).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(kills);
}

const timeout = 60_000 + KILLS * 6_000;

test.each(["remote", "file", "member"] as const)(
  "kills at every call, members a folder and a remote memory, journal: %s",
  async (journal) => {
    const kills = Math.ceil(KILLS / 4);
    const stage = await setStage([], journal);
    try {
      expectSound(await new CrashRun(stage, SEED).run(kills), kills);
    } finally {
      await clearStage(stage);
    }
  },
  timeout,
);

await describeWithServer("s3", "with a member at S3", (current) => {
  test(
    "kills at every call",
    async () => {
      const kills = Math.ceil(KILLS / 4);
      const { url, credentials, region } = current();
      const bucket = `omni-journal-${randomUUID().slice(0, 8)}`;
      await makeS3Bucket(current(), bucket);
      const options = { bucket, endpoint: url, region, ...credentials, provider: "minio" };
      const stage = await setStage([{ kind: "s3", options }], "remote");
      try {
        expectSound(await new CrashRun(stage, SEED).run(kills), kills);
      } finally {
        await clearStage(stage);
      }
    },
    timeout,
  );
});
