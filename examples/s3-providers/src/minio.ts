import { type S3Backend, s3 } from "@omni/s3";

/** MinIO at an address of one's own. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    provider: "minio",
    endpoint: env.ENDPOINT ?? "http://127.0.0.1:9000",
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
