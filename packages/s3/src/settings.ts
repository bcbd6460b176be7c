import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { OmniError } from "@omni/core";
import { nodeCrypto } from "./builtins.ts";
import type { S3Options } from "./options.ts";
import { PROVIDER_ALIASES, PROVIDERS, type Provider, type ProviderProfile } from "./providers.ts";

const MIB = 1024 * 1024;

/** Defaults that are not a provider's. */
export const DEFAULTS: Readonly<
  Record<
    "partSizeBytes" | "concurrency" | "copyThresholdBytes" | "maxAttempts" | "connectTimeoutMs" | "socketTimeoutMs" | "maxSockets",
    number
  >
> = {
  partSizeBytes: 8 * MIB,
  concurrency: 4,
  // The most that CopyObject takes: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
  copyThresholdBytes: 5 * 1024 * MIB,
  maxAttempts: 3,
  connectTimeoutMs: 10_000,
  socketTimeoutMs: 60_000,
  maxSockets: 64,
};

/** The least that S3 takes of a part that is not the last: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const MIN_PART_BYTES: number = 5 * MIB;
/** The most parts of one upload, by the same page. */
export const MAX_PARTS = 10_000;

/** Options with every default filled in. */
export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  /** `undefined`: the SDK's own for Amazon S3. */
  readonly endpoint: string | undefined;
  readonly prefix: string;
  readonly provider: Provider;
  readonly profile: ProviderProfile;
  readonly identity: string;
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly sessionToken: string | undefined;
  readonly usePathStyle: boolean;
  readonly partSizeBytes: number;
  readonly concurrency: number;
  readonly copyThresholdBytes: number;
  readonly maxAttempts: number;
  readonly connectTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly maxSockets: number;
  readonly client: S3Client | undefined;
  readonly clientConfig: S3ClientConfig | undefined;
  readonly storageClass: string | undefined;
  readonly tags: string | undefined;
  readonly serverSideEncryption: S3Options["serverSideEncryption"];
  readonly sseKmsKeyId: string | undefined;
  readonly sseCustomerKey: string | undefined;
}

/**
 * Completes checked options.
 *
 * @throws OmniError INVALID_ARGUMENT for options that do not go together
 */
export function settle(options: S3Options): S3Settings {
  checkTogether(options);
  const provider = providerOf(options);
  const profile = overruled(PROVIDERS[provider], options);
  const region = options.region ?? profile.region;
  const endpoint = endpointOf(options, provider, profile, region);
  const prefix = options.prefix ? options.prefix.replace(/\/?$/, "/") : "";
  return {
    ...DEFAULTS,
    ...given(options),
    region: profile.signingRegion ?? region,
    endpoint,
    prefix,
    provider,
    profile,
    identity: identityOf(options, endpoint, region, prefix),
    accessKeyId: options.accessKeyId,
    secretAccessKey: options.secretAccessKey,
    sessionToken: options.sessionToken,
    usePathStyle: options.usePathStyle ?? profile.pathStyle,
    tags: options.tags && new URLSearchParams(options.tags).toString(),
    client: options.client,
    clientConfig: options.clientConfig,
    storageClass: options.storageClass,
    serverSideEncryption: options.serverSideEncryption,
    sseKmsKeyId: options.sseKmsKeyId,
    sseCustomerKey: options.sseCustomerKey,
  };
}

function given(options: S3Options): Pick<S3Options, "bucket"> & Partial<Record<keyof typeof DEFAULTS, number>> {
  const numbers: Partial<Record<keyof typeof DEFAULTS, number>> = {};
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[])
    if (options[name] !== undefined) numbers[name] = options[name];
  return { bucket: options.bucket, ...numbers };
}

function checkTogether(options: S3Options): void {
  if (options.bucket === "") throw invalid('the option "bucket" is empty; name a bucket');
  if (/[/\s]/.test(options.bucket))
    throw invalid(`the bucket ${JSON.stringify(options.bucket)} has a "/" or a space; give the folder as the option "prefix"`);
  if ((options.accessKeyId === undefined) !== (options.secretAccessKey === undefined))
    throw invalid('the options "accessKeyId" and "secretAccessKey" go together; give both, or none for the SDK to find them');
  if (options.sessionToken !== undefined && options.accessKeyId === undefined)
    throw invalid('the option "sessionToken" needs "accessKeyId" and "secretAccessKey"');
  if (options.sseKmsKeyId !== undefined && !options.serverSideEncryption?.startsWith("aws:kms"))
    throw invalid('the option "sseKmsKeyId" needs serverSideEncryption "aws:kms" or "aws:kms:dsse"');
  if (
    options.sseCustomerKey !== undefined &&
    (options.serverSideEncryption !== undefined || Buffer.from(options.sseCustomerKey, "base64").length !== 32)
  )
    throw invalid('the option "sseCustomerKey" is 32 bytes in base64 and excludes "serverSideEncryption"');
  if (options.prefix?.startsWith("/") || options.prefix?.includes("//"))
    throw invalid('the option "prefix" has an empty segment; write it as "folder/"');
}

function providerOf({ provider, endpoint }: S3Options): Provider {
  if (provider === undefined) return endpoint === undefined ? "aws" : "other";
  return PROVIDER_ALIASES[provider] ?? (provider as Provider);
}

function overruled(profile: ProviderProfile, { checksum, conditionalWrites, tags }: S3Options): ProviderProfile {
  if (tags !== undefined && !profile.tags)
    throw new OmniError("NOT_SUPPORTED", { reason: 'this provider keeps no object tags; leave the option "tags" out' });
  return {
    ...profile,
    ...(checksum === undefined ? {} : { checksum }),
    ...(conditionalWrites === undefined
      ? {}
      : { conditional: { ...profile.conditional, create: conditionalWrites, replace: conditionalWrites } }),
  };
}

function endpointOf(options: S3Options, provider: Provider, profile: ProviderProfile, region: string): string | undefined {
  const scheme = options.disableSsl ? "http" : "https";
  if (options.endpoint !== undefined) {
    const text = options.endpoint.includes("://") ? options.endpoint : `${scheme}://${options.endpoint}`;
    if (!URL.canParse(text))
      throw invalid(`the endpoint ${JSON.stringify(options.endpoint)} is no URL; write it as https://host:port`);
    const url = new URL(text);
    if (url.username !== "" || url.password !== "")
      throw invalid('the endpoint holds credentials; give them as "accessKeyId" and "secretAccessKey"');
    if (options.disableSsl && url.protocol === "https:")
      throw invalid('the endpoint says https and "disableSsl" says plain HTTP; drop one');
    return url.href.replace(/\/$/, "");
  }
  if (options.client !== undefined) return undefined;
  if (profile.endpoint === undefined) {
    if (provider !== "aws") throw invalid(`the provider "${provider}" runs at your own address; give the option "endpoint"`);
    return options.disableSsl ? `http://s3.${region}.amazonaws.com` : undefined;
  }
  if (profile.endpoint.includes("{accountId}") && !options.accountId)
    throw invalid(`the provider "${provider}" needs the option "accountId", or a whole "endpoint"`);
  const filled = profile.endpoint.replace("{region}", region).replace("{accountId}", options.accountId ?? "");
  return options.disableSsl ? filled.replace("https:", "http:") : filled;
}

const clientNumbers = new WeakMap<object, number>();
let clients = 0;

// On Amazon S3 a bucket's name is enough within a partition; elsewhere each account may have a bucket of that name. Keys stand as a digest.
function identityOf(options: S3Options, endpoint: string | undefined, region: string, prefix: string): string {
  const { bucket, client, accessKeyId } = options;
  const shared = endpoint === undefined || new URL(endpoint).hostname.endsWith(".amazonaws.com");
  const account =
    client !== undefined ? `client-${numberOf(client)}` : shared || accessKeyId === undefined ? "" : digest(accessKeyId);
  const place = endpoint ?? (client === undefined ? `https://s3.${region}.amazonaws.com` : "client");
  return `s3:${[place, region, account, bucket, prefix].map(encodeURIComponent).join("|")}`;
}

function numberOf(client: object): number {
  const number = clientNumbers.get(client) ?? ++clients;
  clientNumbers.set(client, number);
  return number;
}

function digest(text: string): string {
  return nodeCrypto().createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason, outcome: "not-applied" });
}
