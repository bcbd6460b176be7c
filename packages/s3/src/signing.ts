import { OmniError, type SignedUrl, type SignUrlOptions } from "@omni/core";
import type { SdkWire } from "./sdk-wire.ts";
import type { S3Settings } from "./settings.ts";

/** The longest that a signature holds: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html */
const MAX_SECONDS = 7 * 24 * 3600;

/** Signs a URL. The signer is loaded at first use; nothing is sent to the store. */
export async function signUrl(wire: SdkWire, settings: S3Settings, key: string, options: SignUrlOptions): Promise<SignedUrl> {
  const { method = "GET", expiresInSeconds = 900 } = options;
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > MAX_SECONDS)
    throw invalid(`expiresInSeconds is a whole number from 1 to ${MAX_SECONDS} (seven days), not ${expiresInSeconds}`);
  if (settings.sseCustomerKey !== undefined)
    throw new OmniError("NOT_SUPPORTED", {
      reason: "a signed URL would need the SSE-C key in its user's headers; sign without sseCustomerKey",
    });
  // A signature counts from a whole second.
  const signingDate = new Date(Math.floor(Date.now() / 1000) * 1000);
  const expiresAt = new Date(signingDate.getTime() + expiresInSeconds * 1000);
  if (method === "POST") return signPost(wire, settings, key, options, expiresInSeconds, expiresAt);
  const { getSignedUrl } = await import("@aws-sdk/s3-request-presigner");
  const client = await wire.client();
  const { command, headers } = await commandOf(settings, key, method, options);
  // The packages of the SDK are versioned apart from each other; their clients are the same.
  const url = await getSignedUrl(client as never, command as never, {
    expiresIn: expiresInSeconds,
    signingDate,
    signableHeaders: new Set(["host", ...Object.keys(headers)]),
    unhoistableHeaders: new Set(Object.keys(headers)),
  });
  return { url, method, headers, expiresAt };
}

async function commandOf(
  { bucket }: S3Settings,
  Key: string,
  method: "GET" | "PUT" | "DELETE",
  options: SignUrlOptions,
): Promise<{ command: object; headers: Record<string, string> }> {
  const { GetObjectCommand, PutObjectCommand, DeleteObjectCommand } = await import("@aws-sdk/client-s3");
  const { contentType, minBytes, maxBytes, responseContentType, responseContentDisposition } = options;
  const input = { Bucket: bucket, Key };
  if (method === "DELETE") return { command: new DeleteObjectCommand(input), headers: {} };
  if (method === "GET") {
    const answer = {
      ...(responseContentType ? { ResponseContentType: responseContentType } : {}),
      ...(responseContentDisposition ? { ResponseContentDisposition: responseContentDisposition } : {}),
    };
    return { command: new GetObjectCommand({ ...input, ...answer }), headers: {} };
  }
  if (minBytes !== maxBytes)
    throw new OmniError("NOT_SUPPORTED", {
      reason: 'a signed PUT can only fix the length: give the same minBytes and maxBytes, or sign with method "POST"',
    });
  const headers = {
    ...(contentType ? { "content-type": contentType } : {}),
    ...(maxBytes === undefined ? {} : { "content-length": String(maxBytes) }),
  };
  const fixed = {
    ...(contentType ? { ContentType: contentType } : {}),
    ...(maxBytes === undefined ? {} : { ContentLength: maxBytes }),
  };
  return { command: new PutObjectCommand({ ...input, ...fixed }), headers };
}

async function signPost(
  wire: SdkWire,
  { bucket, profile, provider }: S3Settings,
  Key: string,
  { contentType, minBytes, maxBytes }: SignUrlOptions,
  Expires: number,
  expiresAt: Date,
): Promise<SignedUrl> {
  if (!profile.signedPost)
    throw new OmniError("NOT_SUPPORTED", { reason: `the provider "${provider}" takes no signed POST; sign with method "PUT"` });
  const { createPresignedPost } = await import("@aws-sdk/s3-presigned-post");
  const Conditions: (["content-length-range", number, number] | ["eq", string, string])[] = [];
  if (minBytes !== undefined || maxBytes !== undefined)
    Conditions.push(["content-length-range", minBytes ?? 0, maxBytes ?? 5 * 1024 ** 3]);
  if (contentType !== undefined) Conditions.push(["eq", "$Content-Type", contentType]);
  const Fields: Record<string, string> = contentType === undefined ? {} : { "Content-Type": contentType };
  const { url, fields } = await createPresignedPost((await wire.client()) as never, {
    Bucket: bucket,
    Key,
    Expires,
    Conditions,
    Fields,
  });
  return { url, method: "POST", headers: {}, fields, expiresAt };
}

function invalid(reason: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason });
}
