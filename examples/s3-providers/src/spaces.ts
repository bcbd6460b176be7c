import { type S3Backend, s3 } from "@omni/s3";

/** DigitalOcean Spaces: the region is part of the address. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    provider: "spaces",
    region: "ams3",
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
