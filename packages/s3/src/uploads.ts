import type { Context } from "./context.ts";
import { codeOf, statusOf } from "./errors.ts";

/** A part at the store. */
export interface UploadedPart {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
  readonly ChecksumCRC32C?: string | undefined;
}

/** All bytes of an object at the store, as parts of an upload that is not completed. */
export interface Upload {
  readonly path: string;
  readonly uploadId: string;
  readonly nonce: string;
  readonly size: number;
  /** Of all bytes, hexadecimal, where the store keeps one. */
  readonly crc32c: string | undefined;
  readonly partCount: number;
  /** Absent after a resume: the store is asked for them. */
  readonly parts?: readonly UploadedPart[] | undefined;
}

// How often an upload is aborted: a part that was on the way may land after the first time,
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
const ABORTS = 3;
const ABORT_MS = 10_000;

/**
 * Aborts an upload; one that is gone is no error.
 *
 * @param again whether parts may have been on the way, so that the store is asked and told again
 */
export async function removeUpload(
  { send }: Context,
  key: string,
  uploadId: string,
  again: boolean,
  signal: AbortSignal = AbortSignal.timeout(ABORT_MS),
): Promise<void> {
  try {
    for (let i = 0; uploadId !== "" && i < (again ? ABORTS : 1); i++) {
      await send("AbortMultipartUpload", { Key: key, UploadId: uploadId }, signal);
      if (again) await send("ListParts", { Key: key, UploadId: uploadId, MaxParts: 1 }, signal);
    }
  } catch (error) {
    if (!isNoSuchUpload(error)) throw error;
  }
}

/** Whether the store says that there is no such upload: it was aborted, or it was completed. */
export function isNoSuchUpload(error: unknown): boolean {
  return codeOf(error) === "NoSuchUpload" || (statusOf(error) === 404 && codeOf(error) !== "NoSuchBucket");
}

/** Removes the upload of a write that failed. Where the store cannot be reached `sweepStale()` finds it later: the caller is told of what came first. */
export async function dropUpload(context: Context, key: string, uploadId: string, again: boolean): Promise<void> {
  await removeUpload(context, key, uploadId, again).catch(() => {});
}
