import type { ErrorCode } from "@omni/core";

/** What an error that is not Omni's own means here: the runtime cannot hold so many bytes. */
export function classifyError(cause: unknown): ErrorCode | undefined {
  // By name: a RangeError of another realm is one too.
  if (typeof cause !== "object" || cause === null || (cause as { name?: unknown }).name !== "RangeError") return undefined;
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return code === "ERR_BUFFER_TOO_LARGE" || /allocation failed|invalid (?:typed )?array (?:buffer )?length/i.test(String(message))
    ? "TOO_LARGE"
    : undefined;
}
