import type { File, GetSignedUrlConfig } from "@google-cloud/storage";
import { OmniError, type SignedUrl, type SignUrlOptions } from "@omni/core";
import type { Account } from "./account.ts";
import { GcsError } from "./errors.ts";
import type { GcsSettings } from "./settings.ts";

/** The longest that a signature holds: https://cloud.google.com/storage/docs/access-control/signed-urls */
const MAX_SECONDS = 7 * 24 * 3600;
const GOOGLE = "https://storage.googleapis.com";
const ACTIONS = { GET: "read", PUT: "write", DELETE: "delete" } as const;

/** Signs a URL with the SDK's signer, version 4. Nothing is sent to the store; without a key of its own the account signs through IAM. */
export async function signUrl(account: Account, settings: GcsSettings, key: string, options: SignUrlOptions): Promise<SignedUrl> {
  const { method = "GET", expiresInSeconds = 900 } = options;
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > MAX_SECONDS)
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `expiresInSeconds is a whole number from 1 to ${MAX_SECONDS} (seven days), not ${expiresInSeconds}`,
    });
  // Whole seconds, once: the SDK takes the difference of two times that it rounds.
  const now = new Date(Math.floor(Date.now() / 1000) * 1000);
  const expiresAt = new Date(now.getTime() + expiresInSeconds * 1000);
  try {
    const file = (await account.client()).bucket(settings.bucket).file(key);
    if (method === "POST") return await signPost(file, settings, options, expiresAt);
    const headers = method === "PUT" ? uploadHeaders(options) : {};
    const [url] = await file.getSignedUrl(configOf(method, options, headers, now, expiresAt));
    return { url, method, headers, expiresAt };
  } catch (error) {
    if (OmniError.is(error) || error instanceof GcsError) throw error;
    throw signingError(error);
  }
}

function configOf(
  method: "GET" | "PUT" | "DELETE",
  { responseContentType, responseContentDisposition }: SignUrlOptions,
  { "content-type": contentType, ...extensionHeaders }: Readonly<Record<string, string>>,
  accessibleAt: Date,
  expires: Date,
): GetSignedUrlConfig {
  return {
    version: "v4",
    action: ACTIONS[method],
    accessibleAt,
    expires,
    extensionHeaders,
    ...(contentType === undefined ? {} : { contentType }),
    ...(method === "GET" && responseContentType !== undefined ? { responseType: responseContentType } : {}),
    ...(method === "GET" && responseContentDisposition !== undefined ? { responseDisposition: responseContentDisposition } : {}),
  };
}

// https://cloud.google.com/storage/docs/xml-api/reference-headers#xgoogcontentlengthrange
function uploadHeaders({ contentType, minBytes, maxBytes }: SignUrlOptions): Record<string, string> {
  return {
    ...(contentType === undefined ? {} : { "content-type": contentType }),
    ...(minBytes === undefined && maxBytes === undefined
      ? {}
      : { "x-goog-content-length-range": rangeOf(minBytes, maxBytes).join(",") }),
  };
}

/** The largest object: https://cloud.google.com/storage/quotas#objects */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

function rangeOf(minBytes = 0, maxBytes = MAX_OBJECT_BYTES): readonly [number, number] {
  if (minBytes > maxBytes)
    throw new OmniError("INVALID_ARGUMENT", { reason: `minBytes (${minBytes}) is above maxBytes (${maxBytes}); exchange them` });
  return [minBytes, maxBytes];
}

/** https://cloud.google.com/storage/docs/authentication/signatures#policy-document */
async function signPost(
  file: File,
  { endpoint, bucket }: GcsSettings,
  { contentType, minBytes, maxBytes }: SignUrlOptions,
  expiresAt: Date,
): Promise<SignedUrl> {
  const conditions: object[] = [];
  if (minBytes !== undefined || maxBytes !== undefined) conditions.push(["content-length-range", ...rangeOf(minBytes, maxBytes)]);
  const [{ fields }] = await file.generateSignedPostPolicyV4({
    expires: expiresAt,
    conditions,
    ...(contentType === undefined ? {} : { fields: { "content-type": contentType } }),
  });
  // As the SDK has it at Google's own endpoint and with an emulator's variable; at other endpoints it leaves the bucket out.
  const url = `${endpoint}/${bucket}${endpoint === GOOGLE ? "/" : ""}`;
  return { url, method: "POST", headers: {}, fields: { ...fields }, expiresAt };
}

// The SDK's error may carry the request to IAM, with the token in it.
function signingError(error: unknown): Error {
  const words = error instanceof Error && error.name === "SigningError" && /client_email|sign data/i.test(error.message);
  return new GcsError(words ? "these credentials have no key to sign with" : "the URL could not be signed", { reason: "signing" });
}
