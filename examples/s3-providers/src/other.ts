import { type S3Backend, s3 } from "@omni/s3";

/** Any other store: what it has beyond the least is said here, after a test of your own. */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    endpoint: env.ENDPOINT ?? "https://objects.example.com",
    usePathStyle: true,
    checksum: "crc32c",
    conditionalWrites: true,
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
