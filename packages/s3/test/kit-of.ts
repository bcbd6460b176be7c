import { storageKit } from "@omni/core/testing";
import { s3 } from "@omni/s3";
import { describeWithServer, type RunningServer, type ServerName } from "@omni/servers";
import { emptied, freshStore, makeBucket, optionsFor, reopened } from "@omni/store-trials/s3";

// The smallest parts that S3 takes, so that the kit's large object has several.
const SMALL = { partSizeBytes: 5 * 1024 * 1024, concurrency: 2 };

/** Runs the conformance kit against a server. */
export async function kitAgainst(name: ServerName, known: Readonly<Record<string, string>>): Promise<void> {
  const features = s3(
    optionsFor({ name, url: "http://127.0.0.1:1", credentials: {}, region: "us-east-1" } as never, SMALL),
  ).features;
  await describeWithServer(name, `s3 on ${name}`, (current: () => RunningServer) => {
    beforeAll(() => makeBucket(current()));
    storageKit(
      "s3",
      () => freshStore(current(), SMALL),
      { describe, test, expect },
      {
        features,
        reopen: (backend) => reopened(current(), backend, SMALL),
        dispose: (backend) => emptied(current(), backend),
        known,
        pageSize: 20,
        ceilingBytes: 20 * 1024 * 1024,
      },
    );
  });
}
