/** How one kind of S3-compatible store differs from the others. */
export interface ProviderProfile {
  /** Where it answers; `{region}` and `{accountId}` are filled in. Absent: the option `endpoint` is needed (for "aws" the SDK knows). */
  readonly endpoint?: string | undefined;
  /** The region where none is given. */
  readonly region: string;
  /** The region that requests are signed for, where it is not the bucket's. */
  readonly signingRegion?: string | undefined;
  /** Whether the bucket is part of the path and not of the host. */
  readonly pathStyle: boolean;
  /** What uploads carry and `stat` gives back: a full-object CRC-32C, or nothing. */
  readonly checksum: "crc32c" | "none";
  /** What proves the body of a batched delete: the SDK's CRC-32, or Content-MD5. */
  readonly deleteChecksum: "crc32" | "md5";
  /** Conditions that the store evaluates, on PutObject and on CompleteMultipartUpload alike. */
  readonly conditional: { readonly create: boolean; readonly replace: boolean; readonly delete: boolean };
  /** DeleteObjects. */
  readonly deleteMany: boolean;
  /** UploadPartCopy; without it every copy is one request. */
  readonly multipartCopy: boolean;
  /** Browser uploads by a signed form. */
  readonly signedPost: boolean;
  /** Object tags. */
  readonly tags: boolean;
  /** Keys of metadata that come back as they were; others are packed into a field of Omni's own. */
  readonly plainMetadataKey: RegExp;
  /** Milliseconds after which the store by itself forgets an upload that was not completed. */
  readonly stagedForMs?: number | undefined;
  /** What the store is known to lack. */
  readonly gaps: readonly string[];
  /** Where the above is stated. */
  readonly source: string;
}

const PLAIN_KEY = /^[a-z0-9][a-z0-9_.-]*$/;
const DASHED_KEY = /^[a-z0-9][a-z0-9.-]*$/;
const DAY_MS = 86_400_000;

const COMPATIBLE: ProviderProfile = {
  region: "us-east-1",
  pathStyle: true,
  checksum: "none",
  deleteChecksum: "md5",
  conditional: { create: false, replace: false, delete: false },
  deleteMany: true,
  multipartCopy: true,
  signedPost: true,
  tags: true,
  plainMetadataKey: DASHED_KEY,
  gaps: ["conditions and checksums are not assumed: switch them on with conditionalWrites and checksum where the store has them"],
  source: "the least that S3-compatible stores have in common",
};

/** A store that the driver knows; "cloudflare" is another name of "r2". */
export type Provider = "aws" | "r2" | "spaces" | "tigris" | "minio" | "b2" | "wasabi" | "ceph" | "gcs-interop" | "other";

/** The stores that the driver knows. Whatever a profile states can be overruled by an option. */
export const PROVIDERS: Readonly<Record<Provider, ProviderProfile>> = {
  aws: {
    ...COMPATIBLE,
    pathStyle: false,
    checksum: "crc32c",
    deleteChecksum: "crc32",
    conditional: { create: true, replace: true, delete: true },
    plainMetadataKey: PLAIN_KEY,
    gaps: [],
    source:
      "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html, checking-object-integrity-upload.html",
  },
  r2: {
    ...COMPATIBLE,
    endpoint: "https://{accountId}.r2.cloudflarestorage.com",
    region: "auto",
    conditional: { create: true, replace: true, delete: false },
    signedPost: false,
    tags: false,
    plainMetadataKey: PLAIN_KEY,
    stagedForMs: 7 * DAY_MS,
    gaps: [
      "no signed POST, no object tags",
      "a multipart object has no full-object CRC-32C, so stat gives no hashes",
      "all parts but the last have one size (the driver's do)",
      "an upload that is not completed is gone after seven days",
    ],
    source: "https://developers.cloudflare.com/r2/api/s3/api/, /r2/api/s3/conditional-operations/, /r2/objects/upload-objects/",
  },
  spaces: {
    ...COMPATIBLE,
    endpoint: "https://{region}.digitaloceanspaces.com",
    region: "nyc3",
    signingRegion: "us-east-1",
    pathStyle: false,
    gaps: ["no conditional writes", "no checksums kept"],
    source: "https://docs.digitalocean.com/products/spaces/reference/s3-compatibility/, /products/spaces/how-to/use-aws-sdks/",
  },
  tigris: {
    ...COMPATIBLE,
    endpoint: "https://t3.storage.dev",
    region: "auto",
    pathStyle: false,
    gaps: ["conditions on PutObject only, so none is declared; conditionalWrites: true switches them on at your own test"],
    source: "https://www.tigrisdata.com/docs/api/s3/, /docs/objects/conditionals/",
  },
  minio: {
    ...COMPATIBLE,
    conditional: { create: true, replace: true, delete: false },
    checksum: "crc32c",
    deleteChecksum: "crc32",
    plainMetadataKey: PLAIN_KEY,
    gaps: [
      "uploads are listed by exact key only: sweepStale needs the path as its prefix; the server removes stale uploads by itself after a day",
      "If-Match on delete is ignored, so it is not declared",
    ],
    source: "https://docs.min.io/enterprise/aistor-object-store/developers/s3-api-compatibility",
  },
  b2: {
    ...COMPATIBLE,
    endpoint: "https://s3.{region}.backblazeb2.com",
    region: "us-west-004",
    signedPost: false,
    tags: false,
    gaps: ["no conditional writes", "no object tags: a request with them is refused", "no signed POST", "HTTPS only"],
    source: "https://www.backblaze.com/docs/cloud-storage-s3-compatible-api, https://www.backblaze.com/apidocs/s3-copy-object",
  },
  wasabi: {
    ...COMPATIBLE,
    endpoint: "https://s3.{region}.wasabisys.com",
    gaps: ["no conditional writes", "no checksums kept"],
    source:
      "https://docs.wasabi.com/docs/what-are-the-service-urls-for-wasabis-different-storage-regions, https://docs.wasabi.com/docs/wasabi-api-guide",
  },
  ceph: {
    ...COMPATIBLE,
    gaps: [
      "20.2 evaluates conditions (conditionalWrites: true); older releases ignore them where an upload is completed, so none is declared",
      "20.2 shows no checksum in the answer to HEAD; 16.2 refuses checksums",
      "completing an upload that is gone is answered 500: the driver looks what became of it",
    ],
    source: "https://docs.ceph.com/en/latest/radosgw/s3/, and seen on 20.2.4",
  },
  "gcs-interop": {
    ...COMPATIBLE,
    endpoint: "https://storage.googleapis.com",
    region: "auto",
    deleteMany: false,
    multipartCopy: false,
    signedPost: false,
    tags: false,
    gaps: [
      "conditions are generations in headers of its own: use @omni/gcs for them",
      "no UploadPartCopy, no object tags, no batched delete (single requests instead)",
      "HMAC keys of a service account are the credentials",
    ],
    source:
      "https://cloud.google.com/storage/docs/interoperability, https://cloud.google.com/storage/docs/xml-api/reference-headers",
  },
  other: COMPATIBLE,
};

/** Other names of providers. */
export const PROVIDER_ALIASES: Readonly<Record<string, Provider>> = { cloudflare: "r2" };
