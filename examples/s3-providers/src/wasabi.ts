import { type S3Backend, s3 } from "@omni/s3";

/** Wasabi. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    provider: "wasabi",
    region: "eu-central-1",
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
