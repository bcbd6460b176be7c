import { randomUUID } from "node:crypto";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { s3 } from "@omni/s3";
import type { RunningServer } from "@omni/servers";

/** A bucket of its own, and the environment by which `omni` finds it. */
export async function makeBucket({
  url,
  credentials,
  region,
}: RunningServer): Promise<{ bucket: string; env: Record<string, string> }> {
  const bucket = `cli-${randomUUID()}`;
  const store = s3({ bucket, endpoint: url, region, ...credentials, provider: "minio" });
  await (await store.driver.client()).send(new CreateBucketCommand({ Bucket: bucket }));
  await store.close();
  const env = {
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: credentials?.accessKeyId ?? "",
    AWS_SECRET_ACCESS_KEY: credentials?.secretAccessKey ?? "",
    OMNI_S3_PROVIDER: "minio",
  };
  return { bucket, env };
}
