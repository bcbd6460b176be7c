import { type S3Backend, s3 } from "@omni/s3";

/** Cloudflare R2: the account is part of the address, the region is always "auto". */
export default function open(env: Readonly<Record<string, string | undefined>>): S3Backend {
  return s3({
    bucket: env.BUCKET ?? "photos",
    provider: "r2",
    accountId: env.ACCOUNT_ID ?? "0123456789abcdef",
    accessKeyId: env.ACCESS_KEY_ID,
    secretAccessKey: env.SECRET_ACCESS_KEY,
  });
}
