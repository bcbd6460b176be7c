import { type S3Backend, s3 } from "@omni/s3";

/** Tigris: one address for the world. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    provider: "tigris",
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
