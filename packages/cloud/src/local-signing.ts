import { createHmac, timingSafeEqual } from "node:crypto";
import type { Backend, SignedUrl, SignUrlOptions } from "@omni/core";
import { invalid } from "./errors.ts";

/** What the holder of a local URL may do. */
export interface Grant {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly cloud: string;
  readonly path: string;
  /** Seconds since the epoch. */
  readonly expires: number;
  readonly contentType?: string | undefined;
  readonly minBytes?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly responseContentType?: string | undefined;
  readonly responseContentDisposition?: string | undefined;
}

/** The longest that a local URL holds: as long as those of the clouds. */
const MAX_SECONDS = 7 * 24 * 3600;
const PARAMETERS = {
  contentType: "type",
  minBytes: "min",
  maxBytes: "max",
  responseContentType: "as",
  responseContentDisposition: "disposition",
} as const;

/** What a text is signed for: a signature for one purpose is none for another. */
export type Purpose = "url" | "policy" | "ticket";

/** HMAC-SHA256 of texts, none of which can run into its neighbour. */
export function signature(secret: string, purpose: Purpose, ...texts: readonly string[]): string {
  return createHmac("sha256", secret)
    .update(JSON.stringify([purpose, ...texts]))
    .digest("base64url");
}

/** Compares in constant time. */
export function isSignature(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

/** Which store a signature is for: one cloud's name may be another store in another scope. */
export function storeOf({ driver }: Backend): string {
  return driver.identity ?? driver.scheme;
}

/** Everything that is signed of a grant, in a fixed order. */
export function grantText(grant: Grant): string {
  const { method, cloud, path, expires, contentType, minBytes, maxBytes, responseContentType, responseContentDisposition } = grant;
  return JSON.stringify([
    method,
    cloud,
    path,
    expires,
    contentType ?? null,
    minBytes ?? null,
    maxBytes ?? null,
    responseContentType ?? null,
    responseContentDisposition ?? null,
  ]);
}

/** Signs a URL of the local router. @throws OmniError INVALID_ARGUMENT */
export function signLocally(
  {
    secret,
    nowMs,
    baseUrl,
    cloud,
  }: { readonly secret: string; readonly nowMs: number; readonly baseUrl: string; readonly cloud: string },
  backend: Backend,
  path: string,
  options: SignUrlOptions,
): SignedUrl {
  const { method = "GET", expiresInSeconds = 900, signal: _signal, ...rest } = options;
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > MAX_SECONDS)
    throw invalid("signUrl", `expiresInSeconds is a whole number from 1 to ${MAX_SECONDS} (seven days), not ${expiresInSeconds}`);
  const { minBytes = 0, maxBytes = Number.POSITIVE_INFINITY } = rest;
  if (minBytes > maxBytes) throw invalid("signUrl", `minBytes (${minBytes}) is above maxBytes (${maxBytes}); exchange them`);
  const expires = Math.floor(nowMs / 1000) + expiresInSeconds;
  const grant: Grant = { method, cloud, path, expires, ...rest };
  const folder = `${baseUrl.replace(/\/+$/, "")}/${encodeURIComponent(cloud)}/`;
  const expiresAt = new Date(expires * 1000);
  if (method === "POST") {
    const policy = Buffer.from(grantText(grant)).toString("base64url");
    const type: Record<string, string> = rest.contentType === undefined ? {} : { "Content-Type": rest.contentType };
    const fields = { key: path, ...type, policy, signature: signature(secret, "policy", storeOf(backend), policy) };
    return { url: folder, method, headers: {}, fields, expiresAt };
  }
  const query = new URLSearchParams({ method, expires: String(expires) });
  for (const [name, parameter] of Object.entries(PARAMETERS)) {
    const value = grant[name as keyof typeof PARAMETERS];
    if (value !== undefined) query.set(parameter, String(value));
  }
  query.set("signature", signature(secret, "url", storeOf(backend), grantText(grant)));
  const headers: Record<string, string> =
    method === "PUT" && rest.contentType !== undefined ? { "content-type": rest.contentType } : {};
  return { url: `${folder}${path.split("/").map(encodeURIComponent).join("/")}?${query}`, method, headers, expiresAt };
}

/** The grant that a URL claims, and its signature; `undefined` where it is none. Nothing of it is believed yet. */
export function claimedGrant(cloud: string, path: string, query: URLSearchParams): { grant: Grant; given: string } | undefined {
  const method = query.get("method");
  const expires = Number(query.get("expires") ?? Number.NaN);
  const given = query.get("signature");
  if ((method !== "GET" && method !== "PUT" && method !== "DELETE") || !Number.isSafeInteger(expires) || !given) return undefined;
  const text = (parameter: string): string | undefined => query.get(parameter) ?? undefined;
  const count = (parameter: string): number | undefined => (query.has(parameter) ? Number(query.get(parameter)) : undefined);
  return {
    grant: {
      method,
      cloud,
      path,
      expires,
      contentType: text(PARAMETERS.contentType),
      minBytes: count(PARAMETERS.minBytes),
      maxBytes: count(PARAMETERS.maxBytes),
      responseContentType: text(PARAMETERS.responseContentType),
      responseContentDisposition: text(PARAMETERS.responseContentDisposition),
    },
    given,
  };
}

/** The grant of a form's policy, once its signature was found good. */
export function grantOfPolicy(policy: string): Grant {
  const [method, cloud, path, expires, contentType, minBytes, maxBytes] = JSON.parse(Buffer.from(policy, "base64url").toString());
  return {
    method,
    cloud,
    path,
    expires,
    contentType: contentType ?? undefined,
    minBytes: minBytes ?? undefined,
    maxBytes: maxBytes ?? undefined,
  };
}
