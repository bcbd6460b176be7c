import { type S3Backend, s3 } from "@omni/s3";

/** Google Cloud Storage by its S3 interface, with an HMAC key. For conditions and batched deletes take @omni/gcs. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    provider: "gcs-interop",
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
