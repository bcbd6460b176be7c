import { type S3Backend, s3 } from "@omni/s3";

/** Backblaze B2, with an application key: the master key does not work here. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    provider: "b2",
    region: "eu-central-003",
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
