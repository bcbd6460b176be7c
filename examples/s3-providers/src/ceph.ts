import { type S3Backend, s3 } from "@omni/s3";

/** The gateway of Ceph 20 or later, which evaluates conditions; leave conditionalWrites out for older ones. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    provider: "ceph",
    endpoint: env.ENDPOINT ?? "https://rgw.example.com",
    conditionalWrites: true,
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
