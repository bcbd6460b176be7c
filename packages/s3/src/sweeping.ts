import { OmniError } from "@omni/core";
import type { Context } from "./context.ts";
import { removeUpload } from "./uploads.ts";

/** What {@link S3Extras.sweepStale} takes. */
export interface SweepOptions {
  /** Only uploads that were begun at least so many milliseconds ago, by the store's clock. */
  readonly olderThanMs: number;
  /** Only uploads to paths that start with this. @default all of the backend */
  readonly prefix?: string | undefined;
  /** Tokens of staged writes that stay, such as those of open intents. @default none */
  readonly keep?: Iterable<string> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a sweep removed. */
export interface SweepReport {
  /** Uploads that are gone now. */
  readonly removed: number;
  /** Uploads that stay: too young, or kept. */
  readonly kept: number;
}

/** Removes uploads that were begun and neither completed nor aborted: of writers that were killed, and staged writes nobody will commit. */
export async function sweepStale(
  context: Context,
  { olderThanMs, prefix = "", keep = [], signal }: SweepOptions,
): Promise<SweepReport> {
  if (!Number.isFinite(olderThanMs) || olderThanMs < 0)
    throw new OmniError("INVALID_ARGUMENT", {
      operation: "sweepStale",
      reason: `olderThanMs is a number of milliseconds, 0 or more, not ${olderThanMs}`,
    });
  const limit = Date.now() - olderThanMs;
  const kept = new Set([...keep].map(uploadIdOf));
  const report = { removed: 0, kept: 0 };
  for await (const upload of uploads(context, context.key(prefix), signal)) {
    if (kept.has(upload.uploadId) || (olderThanMs > 0 && upload.begunAt > limit)) report.kept++;
    else {
      for (const key of upload.keys) await removeUpload(context, key, upload.uploadId, false, signal);
      report.removed++;
    }
  }
  return report;
}

function uploadIdOf(token: string): string {
  return Buffer.from(token.split(".")[5] ?? "", "base64url").toString();
}

interface StaleUpload {
  /** What its key may be: the name of the upload fits one of them only. */
  readonly keys: readonly string[];
  readonly uploadId: string;
  readonly begunAt: number;
}

async function* uploads(
  { send }: Context,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<StaleUpload, undefined> {
  let at: { KeyMarker?: string; UploadIdMarker?: string } = {};
  while (true) {
    const page = await send(
      "ListMultipartUploads",
      { EncodingType: "url", ...(prefix === "" ? {} : { Prefix: prefix }), ...at },
      signal,
    );
    const isEncoded = page.EncodingType === "url";
    const decode = (text: string): string => (isEncoded ? decoded(text) : text);
    for (const { Key, UploadId, Initiated } of page.Uploads ?? [])
      if (Key && UploadId)
        yield { keys: isEncoded ? [decoded(Key)] : unsaid(Key), uploadId: UploadId, begunAt: Initiated?.getTime() ?? 0 };
    if (!page.IsTruncated) return;
    const next = { KeyMarker: decode(page.NextKeyMarker ?? ""), UploadIdMarker: page.NextUploadIdMarker ?? "" };
    if (next.KeyMarker === "" || (next.KeyMarker === at.KeyMarker && next.UploadIdMarker === at.UploadIdMarker))
      throw new OmniError("UNKNOWN", {
        operation: "sweepStale",
        reason: "the store cut the list of uploads short without saying how to go on",
      });
    at = next;
  }
}

function decoded(text: string): string {
  return decodeURIComponent(text.replaceAll("+", "%20"));
}

// Ceph encodes the keys as it was asked to and does not say so; others do not know the wish.
function unsaid(text: string): readonly string[] {
  if (!/%[0-9a-f]{2}/i.test(text)) return [text];
  try {
    return [text, decodeURIComponent(text)];
  } catch (error) {
    if (error instanceof URIError) return [text];
    throw error;
  }
}
