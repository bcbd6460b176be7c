import { type S3Backend, s3 } from "@omni/s3";

/** Amazon S3. Without keys the SDK finds them: environment, profile, role of the machine. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    region: "eu-central-1",
    storageClass: "STANDARD_IA",
    serverSideEncryption: "aws:kms",
  });
}
