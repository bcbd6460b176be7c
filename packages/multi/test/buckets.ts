import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { Storage } from "@google-cloud/storage";
import type { RunningServer } from "@omni/servers";

/** Makes a bucket at an S3 server of the tests. */
export async function makeS3Bucket({ url, credentials, region }: RunningServer, bucket: string): Promise<void> {
  const client = new S3Client({
    endpoint: url,
    region: region ?? "us-east-1",
    credentials: { ...credentials } as never,
    forcePathStyle: true,
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
}

/** Makes a bucket at a Google Cloud Storage server of the tests. */
export async function makeGcsBucket({ url }: RunningServer, bucket: string): Promise<void> {
  await new Storage({ apiEndpoint: url, projectId: "test", useAuthWithCustomEndpoint: false }).createBucket(bucket);
}
