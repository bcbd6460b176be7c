import type { Storage } from "@google-cloud/storage";
import type { OptionTable, TextConfig } from "@omni/core";

/** The smallest step of a resumable upload: https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload */
export const CHUNK_STEP_BYTES: number = 256 * 1024;
/** The smallest step of a rewrite: https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite */
export const REWRITE_STEP_BYTES: number = 1024 * 1024;

/** What is in a JSON key file of Google Cloud: a service account, a user, or an external account. */
export interface GcsCredentials {
  readonly type?: string | undefined;
  readonly client_email?: string | undefined;
  readonly private_key?: string | undefined;
  readonly [field: string]: unknown;
}

/** What {@link gcs} takes. */
export interface GcsOptions {
  readonly bucket: string;
  /** Project of the credentials. Only the SDK uses it: a bucket's name is enough to find it. @default the credentials' own */
  readonly project?: string | undefined;
  /** Folder within the bucket; a "/" at its end is added. @default "" */
  readonly prefix?: string | undefined;
  /** Path of a JSON key file. @default Application Default Credentials: environment, gcloud, metadata server */
  readonly credentialsFile?: string | undefined;
  /** What is in a JSON key file. */
  readonly credentials?: GcsCredentials | undefined;
  /** Where the store answers, with or without scheme. @default "https://storage.googleapis.com" */
  readonly apiEndpoint?: string | undefined;
  /** Bytes of one request of a resumable upload, a multiple of 256 KiB; two are in memory at once. Smaller bodies take one request. @default 8 MiB */
  readonly chunkSizeBytes?: number | undefined;
  /** Sends no credentials: public buckets and emulators. @default true for an `http:` endpoint, where a token would travel in the clear */
  readonly anonymous?: boolean | undefined;
  /** A client of yours: its credentials are used and its endpoint, where `apiEndpoint` is absent. */
  readonly client?: Storage | undefined;
  /** Bytes that the store copies in one request of a rewrite, a multiple of 1 MiB. @default the store's own choice */
  readonly rewriteBytesPerCall?: number | undefined;
  /** Tries of a request, the first one included. @default 4 */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds for a connection. @default 10000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds without a byte until a request is given up. @default 60000 */
  readonly socketTimeoutMs?: number | undefined;
  /** Connections at once: so many for bodies that are read, and so many for everything else. @default 64 */
  readonly maxSockets?: number | undefined;
}

/** Every option once; the older systems' names are aliases. */
export const OPTIONS: OptionTable<GcsOptions> = {
  bucket: { type: "string", required: true },
  project: { type: "string", aliases: ["project_id"] },
  prefix: { type: "string" },
  credentialsFile: { type: "string", aliases: ["key_filename", "key_file"] },
  credentials: { type: "object", aliases: ["credentials_json", "service_account_credentials"], secret: true },
  apiEndpoint: { type: "string", aliases: ["endpoint", "endpoint_url"] },
  chunkSizeBytes: { type: "integer", aliases: ["chunk_size"], min: CHUNK_STEP_BYTES },
  anonymous: { type: "boolean" },
  client: { type: "object" },
  rewriteBytesPerCall: { type: "integer", min: REWRITE_STEP_BYTES },
  maxAttempts: { type: "integer", min: 1 },
  connectTimeoutMs: { type: "integer", min: 1 },
  socketTimeoutMs: { type: "integer", min: 1 },
  maxSockets: { type: "integer", min: 1 },
};

/** The configuration in `gs://bucket/prefix`. */
export function configOfUrl(url: URL): TextConfig {
  const prefix = decodeURIComponent(url.pathname.replace(/^\//, ""));
  return { bucket: decodeURIComponent(url.hostname), ...(prefix === "" ? {} : { prefix }) };
}

/** The variables of Google's tools that {@link configOfEnv} reads; the first that is set wins. */
const GOOGLE_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  project: ["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"],
  credentialsFile: ["GOOGLE_APPLICATION_CREDENTIALS"],
  apiEndpoint: ["STORAGE_EMULATOR_HOST"],
};

const OWN = "OMNI_GCS_";

/** The configuration in an environment: `OMNI_GCS_BUCKET` and so on for every option, and where absent the variables of Google's tools. */
export function configOfEnv(env: Readonly<Record<string, string | undefined>>): TextConfig {
  const config: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (name.startsWith(OWN) && value) config[name.slice(OWN.length).toLowerCase()] = value;
  const given = new Set(Object.keys(config).map((name) => name.replaceAll("_", "")));
  for (const [option, { aliases = [] }] of Object.entries(OPTIONS))
    if (aliases.some((alias) => given.has(alias.replaceAll("_", "")))) given.add(option.toLowerCase());
  for (const [option, names] of Object.entries(GOOGLE_VARIABLES)) {
    const value = names.map((name) => env[name]).find((text) => text);
    // Credentials of one source are not mixed with those of another.
    const covered = given.has(option.toLowerCase()) || (option === "credentialsFile" && given.has("credentials"));
    if (value && !covered) config[option] = value;
  }
  return config;
}
