import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { OmniError } from "@omni/core";
import { annotate, asksToSlowDown, factsOf, mayHaveApplied, type RequestFacts } from "./errors.ts";
import { encodeKey } from "./keys.ts";
import type { S3Settings } from "./settings.ts";
import { type Input, type OperationName, type Output, READ_ONLY, type Send } from "./wire.ts";

/** The SDK's client, made at first use, and requests through it. */
export interface SdkWire {
  readonly send: Send;
  /** The client; loads the SDK when that has not happened yet. */
  client(): Promise<S3Client>;
  /** Where requests about objects go; `undefined` before the first request, or where it is not a plain place. */
  site(): Site | undefined;
  /** Lets go of connections, unless the client was given by the caller. */
  close(): Promise<void>;
}

/** Where the SDK sends requests about objects of the bucket, by all its rules. */
export interface Site {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  /** The path before a key, without "/" at its end. */
  readonly base: string;
  readonly region: string;
}

type Sdk = typeof import("@aws-sdk/client-s3");
type Command = Parameters<S3Client["send"]>[0];

/** Speaks to the store through `@aws-sdk/client-s3`, which is loaded at the first request. */
export function sdkWire(settings: S3Settings): SdkWire {
  let opened: Promise<{ sdk: Sdk; client: S3Client }> | undefined;
  const seen: Seen = { site: undefined };
  const open = (): Promise<{ sdk: Sdk; client: S3Client }> => (opened ??= openClient(settings, seen));

  const send = async <N extends OperationName>(
    name: N,
    input: Input<N>,
    signal?: AbortSignal,
    last?: AbortSignal,
  ): Promise<Output<N>> => {
    signal?.throwIfAborted();
    const { sdk, client } = await open();
    const Operation = sdk[`${name}Command`] as unknown as new (input: object) => Command;
    const command = new Operation({ Bucket: settings.bucket, ...input });
    if (last !== undefined) LAST_CALL.set(command.input, last);
    const sent = client.send(command, signal === undefined ? {} : { abortSignal: signal }) as Promise<unknown>;
    try {
      return (await untilAborted(sent, signal)) as Output<N>;
    } catch (error) {
      throw explain(settings, name, error, signal);
    }
  };

  return {
    send,
    client: async () => (await open()).client,
    site: () => seen.site,
    close: async () => {
      if (opened !== undefined && settings.client === undefined) (await opened).client.destroy();
    },
  };
}

/** An error of a request as the driver gets it: without secrets, with its facts; an abort as its reason. */
export function explain(
  settings: S3Settings,
  name: OperationName,
  error: unknown,
  signal: AbortSignal | undefined,
  outcome: RequestFacts["outcome"] = factsOf(error).outcome,
): unknown {
  const known = READ_ONLY.has(name) ? undefined : (outcome ?? "unknown");
  if (signal?.aborted) return stopped(signal.reason, known);
  const { bucket, endpoint, region } = settings;
  return annotate(scrub(error), { operation: name, bucket, endpoint, region, outcome: known, ...headOf(error) });
}

async function openClient(settings: S3Settings, seen: Seen): Promise<{ sdk: Sdk; client: S3Client }> {
  const sdk = await import("@aws-sdk/client-s3");
  const client = settings.client ?? new sdk.S3Client(clientConfig(settings));
  recordOutcomes(client);
  recordSite(client, seen);
  if (settings.profile.deleteChecksum === "md5") sendContentMd5(client, (await import("node:crypto")).createHash);
  return { sdk, client };
}

const nothing = (): void => {};
const SILENT = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** The configuration of a client for these settings. */
export function clientConfig(settings: S3Settings): S3ClientConfig {
  const agent = { keepAlive: true, maxSockets: settings.maxSockets, scheduling: "lifo" as const };
  const { accessKeyId, secretAccessKey, sessionToken } = settings;
  return {
    region: settings.region,
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    forcePathStyle: settings.usePathStyle,
    maxAttempts: settings.maxAttempts,
    // The driver computes the checksums that it wants; the SDK's default ones break stores that do not know them.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: settings.connectTimeoutMs,
      socketTimeout: settings.socketTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
      // Waiting for a socket is what a bounded pool is for: no warning on the console.
      logger: SILENT,
    },
    ...(accessKeyId !== undefined && secretAccessKey !== undefined
      ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } }
      : {}),
    ...settings.clientConfig,
  };
}

/** By input: no new attempt once this signal has aborted. */
const LAST_CALL = new WeakMap<object, AbortSignal>();

// An attempt that broke off may have taken effect although the last one was refused: the outcome is judged over all attempts.
function recordOutcomes(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      (context.omniLastCall as AbortSignal | undefined)?.throwIfAborted();
      try {
        return await next(args);
      } catch (error) {
        if (mayHaveApplied(error)) context.omniMayHaveApplied = true;
        context.omniLastError = error;
        throw error;
      }
    },
    { name: "omniAttempt", step: "finalizeRequest", priority: "low", override: true },
  );
  client.middlewareStack.add(
    (next, context) => async (args) => {
      context.omniLastCall = LAST_CALL.get(args.input);
      try {
        return await next(args);
      } catch (caught) {
        const error = unwrapped(caught, context.omniLastError);
        const operation = context.commandName?.replace(/Command$/, "") as OperationName;
        if (!READ_ONLY.has(operation))
          annotate(error, { outcome: context.omniMayHaveApplied === true ? "unknown" : "not-applied" });
        throw error;
      }
    },
    { name: "omniOutcome", step: "initialize", priority: "high", override: true },
  );
}

interface Seen {
  site: Site | undefined;
}

interface SignedRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

// The SDK's rules about addresses (styles, partitions, access points) are many: where it went once, others may go.
function recordSite(client: S3Client, seen: Seen): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { Key = keyless(context.commandName) } = args.input as { readonly Key?: string };
      if (seen.site === undefined && Key !== undefined && context.commandName !== "CopyObjectCommand")
        seen.site = siteOf(args.request as SignedRequest, Key);
      return await next(args);
    },
    { name: "omniSite", step: "finalizeRequest", priority: "low", override: true },
  );
}

// A listing is a request about the place where keys begin.
function keyless(command: string | undefined): string | undefined {
  return command === "ListObjectsV2Command" ? "" : undefined;
}

function siteOf({ protocol, hostname, port, path, headers }: SignedRequest, key: string): Site | undefined {
  const end = `/${encodeKey(key)}`;
  const region = /^AWS4-HMAC-SHA256 Credential=[^,]*\/\d{8}\/([^/,]+)\/s3\/aws4_request,/.exec(headers.authorization ?? "")?.[1];
  if (region === undefined || !path.endsWith(end)) return undefined;
  return { protocol, hostname, port, base: path.slice(0, -end.length), region };
}

// The SDK wraps what is no Error of its own realm into one that says nothing: https://github.com/smithy-lang/smithy-typescript, asSdkError.
function unwrapped(caught: unknown, last: unknown): unknown {
  const wrapped =
    caught !== last && last !== undefined && caught instanceof Error && caught.message.startsWith("AWS SDK error wrapper for ");
  return wrapped ? last : caught;
}

interface MutableRequest {
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

// The SDK replaced Content-MD5 by CRC32, which older stores refuse: https://github.com/aws/aws-sdk-js-v3/issues/6819
function sendContentMd5(client: S3Client, createHash: typeof import("node:crypto").createHash): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName === "DeleteObjectsCommand") {
        const { headers, body } = args.request as MutableRequest;
        for (const name of Object.keys(headers)) if (/^x-amz-(checksum-|sdk-checksum-)/i.test(name)) delete headers[name];
        headers["content-md5"] = createHash("md5")
          .update(body as string | Uint8Array)
          .digest("base64");
      }
      return await next(args);
    },
    { name: "omniContentMd5", step: "build", priority: "low", override: true },
  );
}

// Between two attempts the SDK waits without looking at the signal.
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    // The SDK ends a request under way by itself; a turn later it is the wait that hangs.
    const stop = (): void => void setImmediate(reject, signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

// The caller's own reason stays as it is; a deadline learns what became of the request.
function stopped(reason: unknown, outcome: RequestFacts["outcome"]): unknown {
  if (!OmniError.is(reason) || reason.operation !== undefined) return reason;
  return new OmniError(reason.code, { reason: reason.reason, retryable: reason.retryable, outcome });
}

// What S3 sends back with a signature error repeats parts of the signed request; the SDK hangs the answer and, in its sockets, the request on it.
const REVEALING = new Set<PropertyKey>([
  "StringToSign",
  "StringToSignBytes",
  "CanonicalRequest",
  "CanonicalRequestBytes",
  "SignatureProvided",
  "AWSAccessKeyId",
  "Token-0",
  "$response",
]);

/** An error of the SDK without what may hold signatures, keys or the raw answer; the same one where there is none of it. */
export function scrub(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const message = withoutQueries(error.message);
  const fields = Object.entries(Object.getOwnPropertyDescriptors(error));
  const kept = fields.filter(([name]) => !REVEALING.has(name));
  if (message === error.message && kept.length === fields.length) return error;
  // Some of the fields cannot be taken out of the error itself.
  const clean = Object.setPrototypeOf(new Error(message), Object.getPrototypeOf(error)) as Error;
  for (const [name, descriptor] of kept) if (name !== "message" && name !== "stack") Object.defineProperty(clean, name, descriptor);
  Object.defineProperty(clean, "stack", { value: withoutQueries(error.stack ?? ""), writable: true, configurable: true });
  return annotate(clean, factsOf(error));
}

/** A text with the query strings of signed URLs left out. */
function withoutQueries(text: string): string {
  return text.replace(/\?[^\s"']*X-Amz-[^\s"']*/gi, "?…");
}

interface Answered {
  readonly Region?: unknown;
  readonly $response?: { readonly headers?: Readonly<Record<string, string>>; readonly reason?: string };
}

// What the head of the answer says: where the bucket is, and whether to slow down ("503 Slow Down", or Retry-After).
function headOf(error: unknown): RequestFacts {
  const { Region, $response } = (typeof error === "object" && error !== null ? error : {}) as Answered;
  const region = $response?.headers?.["x-amz-bucket-region"] ?? Region;
  return {
    ...(typeof region === "string" ? { bucketRegion: region } : {}),
    ...(asksToSlowDown($response?.reason, $response?.headers?.["retry-after"]) ? { slowDown: true } : {}),
  };
}
