import type { Storage } from "@google-cloud/storage";
import { OmniError } from "@omni/core";
import { CHUNK_STEP_BYTES, type GcsCredentials, type GcsOptions, REWRITE_STEP_BYTES } from "./options.ts";

/** Defaults of the options. */
const DEFAULTS = {
  apiEndpoint: "https://storage.googleapis.com",
  chunkSizeBytes: 8 * 1024 * 1024,
  maxAttempts: 4,
  connectTimeoutMs: 10_000,
  socketTimeoutMs: 60_000,
  maxSockets: 64,
} as const;

/** Options with every default filled in. */
export interface GcsSettings {
  readonly bucket: string;
  readonly project: string | undefined;
  readonly prefix: string;
  /** Scheme, host, port, and perhaps a path, without "/" at its end. */
  readonly endpoint: string;
  readonly identity: string;
  readonly anonymous: boolean;
  readonly credentialsFile: string | undefined;
  readonly credentials: GcsCredentials | undefined;
  readonly client: Storage | undefined;
  readonly chunkSizeBytes: number;
  readonly rewriteBytesPerCall: number | undefined;
  readonly maxAttempts: number;
  readonly connectTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly maxSockets: number;
}

/**
 * Completes checked options.
 *
 * @throws OmniError INVALID_ARGUMENT for options that do not go together
 */
export function settle(options: GcsOptions): GcsSettings {
  checkTogether(options);
  const endpoint = endpointOf(options.apiEndpoint ?? options.client?.apiEndpoint ?? DEFAULTS.apiEndpoint);
  const prefix = options.prefix ? options.prefix.replace(/\/?$/, "/") : "";
  return {
    bucket: options.bucket,
    project: options.project,
    prefix,
    endpoint,
    // Names of buckets are unique in all of Google Cloud, so neither project nor account is a part of it.
    identity: `gcs:${[endpoint, options.bucket, prefix].map(encodeURIComponent).join("|")}`,
    anonymous: options.anonymous ?? endpoint.startsWith("http:"),
    credentialsFile: options.credentialsFile,
    credentials: options.credentials,
    client: options.client,
    chunkSizeBytes: options.chunkSizeBytes ?? DEFAULTS.chunkSizeBytes,
    rewriteBytesPerCall: options.rewriteBytesPerCall,
    maxAttempts: options.maxAttempts ?? DEFAULTS.maxAttempts,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULTS.connectTimeoutMs,
    socketTimeoutMs: options.socketTimeoutMs ?? DEFAULTS.socketTimeoutMs,
    maxSockets: options.maxSockets ?? DEFAULTS.maxSockets,
  };
}

function checkTogether({ bucket, prefix, credentials, credentialsFile, client, ...sizes }: GcsOptions): void {
  // https://cloud.google.com/storage/docs/buckets#naming
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket))
    throw invalid(
      `the option "bucket" is 3 to 222 lower-case letters, digits, "-", "_" and ".", not ${JSON.stringify(bucket)}; give the bucket's name alone`,
    );
  if (prefix?.startsWith("/") || prefix?.includes("//"))
    throw invalid('the option "prefix" has an empty segment; write it as "folder/"');
  if (credentials !== undefined && credentialsFile !== undefined)
    throw invalid('the options "credentials" and "credentialsFile" are two answers to one question; give one');
  if (client !== undefined && (credentials ?? credentialsFile) !== undefined)
    throw invalid('the option "client" has credentials of its own; leave "credentials" and "credentialsFile" out');
  checkStep("chunkSizeBytes", sizes.chunkSizeBytes, CHUNK_STEP_BYTES);
  checkStep("rewriteBytesPerCall", sizes.rewriteBytesPerCall, REWRITE_STEP_BYTES);
}

function checkStep(name: string, bytes: number | undefined, step: number): void {
  if (bytes !== undefined && bytes % step !== 0)
    throw invalid(`the option "${name}" is a multiple of ${step}, not ${bytes}; take ${Math.ceil(bytes / step) * step}`);
}

function endpointOf(given: string): string {
  const text = given.includes("://") ? given : `${isLocal(given) ? "http" : "https"}://${given}`;
  if (!URL.canParse(text))
    throw invalid(`the option "apiEndpoint" is no URL: ${JSON.stringify(given)}; write it as https://host:port`);
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw invalid(`the option "apiEndpoint" is an http: or https: URL, not ${JSON.stringify(url.protocol)}`);
  if (url.username !== "" || url.password !== "" || url.search !== "")
    throw invalid('the option "apiEndpoint" holds credentials or a query; give credentials as "credentials"');
  return url.href.replace(/\/+$/, "");
}

// The emulator variable is often written without a scheme.
function isLocal(host: string): boolean {
  return /^(localhost|127\.|0\.0\.0\.0|\[::1\]|[\w-]+:\d+)/.test(host);
}

function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason, outcome: "not-applied" });
}
