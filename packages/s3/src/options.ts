import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import type { OptionTable, TextConfig } from "@omni/core";
import { PROVIDER_ALIASES, PROVIDERS, type Provider } from "./providers.ts";

/** What {@link s3} takes. */
export interface S3Options {
  readonly bucket: string;
  /** @default the provider's: "us-east-1" on Amazon S3 */
  readonly region?: string | undefined;
  /** Where the store answers, with or without scheme. @default the provider's */
  readonly endpoint?: string | undefined;
  /** Folder within the bucket; a "/" at its end is added. @default "" */
  readonly prefix?: string | undefined;
  /** Without it the SDK's chain finds credentials: environment, profiles, roles. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  /** Bucket in the path and not in the host. @default the provider's */
  readonly usePathStyle?: boolean | undefined;
  /** Plain HTTP. @default false, or as the endpoint says */
  readonly disableSsl?: boolean | undefined;
  /** Bytes of a part of an upload, at least 5 MiB. @default 8 MiB */
  readonly partSizeBytes?: number | undefined;
  /** Parts of one upload under way at once; memory is bounded by this times the size of a part. @default 4 */
  readonly concurrency?: number | undefined;
  /** Which store it is; sets endpoint, region, path style, checksums and conditions. @default "aws", with an endpoint "other" */
  readonly provider?: Provider | "cloudflare" | undefined;
  /** Account of Cloudflare R2, part of its endpoint. */
  readonly accountId?: string | undefined;
  /** A client of yours; `close()` leaves it open. */
  readonly client?: S3Client | undefined;
  /** Merged over the configuration of the client that the driver makes. */
  readonly clientConfig?: S3ClientConfig | undefined;
  /** Full-object checksum of uploads. @default the provider's */
  readonly checksum?: "crc32c" | "none" | undefined;
  /** Whether the store evaluates If-None-Match and If-Match on writes. @default the provider's */
  readonly conditionalWrites?: boolean | undefined;
  /** Storage class of new objects. @default the bucket's */
  readonly storageClass?: string | undefined;
  /** Tags of new objects. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly serverSideEncryption?: "AES256" | "aws:kms" | "aws:kms:dsse" | undefined;
  /** Key for `serverSideEncryption: "aws:kms"`. @default the account's */
  readonly sseKmsKeyId?: string | undefined;
  /** Key of your own for SSE-C: 32 bytes in base64. */
  readonly sseCustomerKey?: string | undefined;
  /** Copies above this many bytes are made in parts. @default 5 GiB, the most that one request copies */
  readonly copyThresholdBytes?: number | undefined;
  /** Tries of a request, the first one included. @default 3 */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds for a connection. @default 10000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds without a byte until a connection is given up. @default 60000 */
  readonly socketTimeoutMs?: number | undefined;
  /** Connections at once. @default 64 */
  readonly maxSockets?: number | undefined;
}

/** Every option once; the older systems' names are aliases. */
export const OPTIONS: OptionTable<S3Options> = {
  bucket: { type: "string", required: true },
  region: { type: "string" },
  endpoint: { type: "string", aliases: ["endpoint_url"] },
  prefix: { type: "string" },
  accessKeyId: { type: "string", aliases: ["access_key"] },
  secretAccessKey: { type: "string", aliases: ["secret_key"], secret: true },
  sessionToken: { type: "string", secret: true },
  usePathStyle: { type: "boolean", aliases: ["force_path_style"] },
  disableSsl: { type: "boolean" },
  partSizeBytes: { type: "integer", aliases: ["part_size"], min: 5 * 1024 * 1024 },
  concurrency: { type: "integer", min: 1 },
  provider: { type: "string", values: [...Object.keys(PROVIDERS), ...Object.keys(PROVIDER_ALIASES)] },
  accountId: { type: "string" },
  client: { type: "object" },
  clientConfig: { type: "object", secret: true },
  checksum: { type: "string", values: ["crc32c", "none"] },
  conditionalWrites: { type: "boolean" },
  storageClass: { type: "string" },
  tags: { type: "object" },
  serverSideEncryption: { type: "string", values: ["AES256", "aws:kms", "aws:kms:dsse"] },
  sseKmsKeyId: { type: "string" },
  sseCustomerKey: { type: "string", secret: true },
  copyThresholdBytes: { type: "integer", min: 5 * 1024 * 1024 },
  maxAttempts: { type: "integer", min: 1 },
  connectTimeoutMs: { type: "integer", min: 1 },
  socketTimeoutMs: { type: "integer", min: 1 },
  maxSockets: { type: "integer", min: 1 },
};

/** The configuration in `s3://bucket/prefix`. */
export function configOfUrl(url: URL): TextConfig {
  const prefix = decodeURIComponent(url.pathname.replace(/^\//, ""));
  return { bucket: decodeURIComponent(url.hostname), ...(prefix === "" ? {} : { prefix }) };
}

/** The variables of the AWS tools that {@link configOfEnv} reads; the first that is set wins. */
const AWS_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  region: ["AWS_REGION", "AWS_DEFAULT_REGION"],
  endpoint: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
  accessKeyId: ["AWS_ACCESS_KEY_ID"],
  secretAccessKey: ["AWS_SECRET_ACCESS_KEY"],
  sessionToken: ["AWS_SESSION_TOKEN"],
};

/** The configuration in an environment: `OMNI_S3_BUCKET` and so on for every option, and where absent the AWS tools' own variables. */
export function configOfEnv(env: Readonly<Record<string, string | undefined>>): TextConfig {
  const config: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (name.startsWith("OMNI_S3_") && value) config[name.slice("OMNI_S3_".length).toLowerCase()] = value;
  const own = new Set(Object.keys(config).map((name) => name.replaceAll("_", "")));
  // A key of one source is never completed by a secret of another.
  const credentials = ["accessKeyId", "secretAccessKey", "sessionToken"];
  const ownCredentials = credentials.some((name) => own.has(name.toLowerCase()));
  for (const [option, names] of Object.entries(AWS_VARIABLES)) {
    const value = names.map((name) => env[name]).find((text) => text);
    if (value && !own.has(option.toLowerCase()) && !(ownCredentials && credentials.includes(option))) config[option] = value;
  }
  return config;
}
