import { storageKit } from "@omni/core/testing";
import { gcs } from "@omni/gcs";
import { describeWithServer, type RunningServer } from "@omni/servers";
import { emptied, freshStore, makeBucket, optionsFor, reopened } from "@omni/store-trials/gcs";

// Small chunks, so that the kit's large object has many.
const SMALL = { chunkSizeBytes: 1024 * 1024 };
const { features } = gcs(optionsFor({ url: "http://127.0.0.1:1" }));

await describeWithServer("gcs", "gcs on fake-gcs-server", (current: () => RunningServer) => {
  beforeAll(() => makeBucket(current()));
  storageKit(
    "gcs",
    () => freshStore(current(), SMALL),
    { describe, test, expect },
    {
      features,
      reopen: (backend) => reopened(current(), backend, SMALL),
      dispose: (backend) => emptied(current(), backend),
      timeoutMs: 60_000,
      pageSize: 20,
    },
  );
});
