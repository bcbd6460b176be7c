import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killRuns, recordCounts } from "@omni/property";
import { describeWithServers } from "@omni/servers";
import { optionsFor as gcsOptions, makeBucket as makeGcsBucket } from "@omni/store-trials/gcs";
import { makeBucket as makeS3Bucket, optionsFor as s3Options } from "@omni/store-trials/s3";
import { checkAll, migrateUnderKills, plantMany, randomOf } from "./harness.ts";
import { openStore, type StoreSpec } from "./stores.ts";

const objects = Number(process.env.OMNI_RUNS ?? 240);
const kills = killRuns({ push: 20, test: 2 });
const seed = Number(process.env.OMNI_SEED ?? Date.now() % 1_000_000);

await describeWithServers(["s3", "gcs"], "a migration that is killed", (current) => {
  test(
    `goes on where its journal ends: file to S3 to Google Cloud Storage, ${objects} objects, ${kills} kills (seed ${seed})`,
    async () => {
      await makeS3Bucket(current("s3"));
      await makeGcsBucket(current("gcs"));
      const folder = await mkdtemp(join(tmpdir(), "omni-migrate-"));
      const specs: StoreSpec[] = [
        { kind: "file", root: folder },
        { kind: "s3", options: s3Options(current("s3"), { prefix: randomUUID() }) },
        { kind: "gcs", options: gcsOptions(current("gcs"), { prefix: randomUUID() }) },
      ];
      const random = randomOf(seed);
      const [first, second, third] = specs as [StoreSpec, StoreSpec, StoreSpec];
      try {
        await plantMany(openStore(first), objects);
        for (const [from, to, share] of [
          [first, second, Math.ceil(kills / 2)],
          [second, third, Math.floor(kills / 2)],
        ] as const) {
          const report = await migrateUnderKills(from, to, share, objects, random);
          expect({ ...report, seed }).toMatchObject({ kills: share, copiedTwice: [], violations: [], seed });
          expect(await checkAll(openStore(to), objects)).toEqual([]);
          expect(report.writes).toBeGreaterThanOrEqual(objects);
          recordCounts({ kills: report.kills, "objects migrated": objects, [`writes to ${to.kind}`]: report.writes });
        }
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    60_000 + kills * 20_000 + objects * 200,
  );
});
