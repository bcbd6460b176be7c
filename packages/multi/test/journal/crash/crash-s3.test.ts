import { randomUUID } from "node:crypto";
import { describeWithServer } from "@omni/servers";
import { makeS3Bucket } from "../../buckets.ts";
import { setStage } from "./harness.ts";
import { killAll, TIMEOUT_MS } from "./lanes.ts";

await describeWithServer("s3", "with a member at S3", (current) => {
  const stageWithS3 = async (): Promise<Awaited<ReturnType<typeof setStage>>> => {
    const { url, credentials, region } = current();
    const bucket = `omni-journal-${randomUUID().slice(0, 8)}`;
    await makeS3Bucket(current(), bucket);
    return setStage([{ kind: "s3", options: { bucket, endpoint: url, region, ...credentials, provider: "minio" } }], "remote");
  };
  test("kills at every call: members a folder, a remote memory and S3", () => killAll(1, { s3: stageWithS3 }), TIMEOUT_MS);
});
