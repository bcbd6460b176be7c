import { randomUUID } from "node:crypto";
import { describeWithServer } from "@omni/servers";
import { makeGcsBucket } from "../../buckets.ts";
import { type Stage, setStage } from "./harness.ts";
import { killAll, TIMEOUT_MS } from "./lanes.ts";

await describeWithServer("gcs", "with a member at Google Cloud Storage", (current) => {
  const stageWithGcs = async (): Promise<Stage> => {
    const bucket = `omni-journal-${randomUUID().slice(0, 8)}`;
    await makeGcsBucket(current(), bucket);
    const options = { bucket, apiEndpoint: current().url, project: "test" };
    return setStage([{ kind: "gcs", options }], "remote");
  };
  test(
    "kills at every call: members a folder, a remote memory and Google Cloud Storage",
    () => killAll(1, { gcs: stageWithGcs }),
    TIMEOUT_MS,
  );
});
