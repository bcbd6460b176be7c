import { type ErrorClass, type ErrorCode, OmniError } from "@omni/core";

const DAMAGED = new Set(["Z_DATA_ERROR", "Z_BUF_ERROR", "Z_NEED_DICT", "ERR_TRAILING_JUNK_AFTER_STREAM_END"]);

/** What an error of zlib means; `undefined` for an error of something else, such as the source. Pure. */
export function classifyError(cause: unknown): ErrorCode | ErrorClass | undefined {
  const code = (cause as { code?: unknown } | null | undefined)?.code;
  if (typeof code !== "string") return undefined;
  if (DAMAGED.has(code) || code.startsWith("ZSTD_error_"))
    return { code: "UNKNOWN", reason: `the compressed data is damaged or cut off (${code})`, retryable: false };
  if (code === "Z_MEM_ERROR") return { code: "UNAVAILABLE", reason: "out of memory for the codec (Z_MEM_ERROR)" };
  return undefined;
}

/** Gives an error of zlib its meaning; leaves any other as it is. */
export function explained(cause: unknown): unknown {
  const found = classifyError(cause);
  if (found === undefined) return cause;
  return typeof found === "string"
    ? new OmniError(found, { cause })
    : new OmniError(found.code, { reason: found.reason, retryable: found.retryable, cause });
}

/** A record that cannot be written. */
export function badRecord(format: string, number: number, reason: string, cause?: unknown): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason: `${format}: record ${number} ${reason}`, outcome: "not-applied", cause });
}

/** Data that cannot be read. */
export function badData(format: string, place: string, reason: string, cause?: unknown): OmniError {
  return new OmniError("UNKNOWN", { reason: `${format}: ${place} ${reason}`, retryable: false, cause });
}
