import { codeOf, statusOf } from "./errors.ts";
import type { Input, OperationName, Output, Send } from "./wire.ts";

// What an answer with a body says beyond its status.
const TELLING = new Set([
  "NoSuchBucket",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "InvalidToken",
  "ExpiredToken",
  "RequestTimeTooSkewed",
  "PermanentRedirect",
  "AuthorizationHeaderMalformed",
]);

/**
 * An answer to HEAD has no body, so a missing object, a missing bucket and wrong credentials look alike. After a HEAD that failed for a reason
 * that its status does not tell, the store is asked once more by a request whose answer has words.
 */
export function withDetail(send: Send): Send {
  let isBucketThere = false;
  return async <N extends OperationName>(
    name: N,
    input: Input<N>,
    signal?: AbortSignal,
    last?: AbortSignal,
  ): Promise<Output<N>> => {
    try {
      const output = await send(name, input, signal, last);
      isBucketThere = true;
      return output;
    } catch (error) {
      if (name === "HeadObject" && isMute(error, isBucketThere)) {
        await askInWords(send, signal);
        isBucketThere = true;
      }
      throw error;
    }
  };
}

function isMute(error: unknown, isBucketThere: boolean): boolean {
  const status = statusOf(error);
  if (status === 404) return !isBucketThere;
  return (status === 301 || status === 400 || status === 403) && !TELLING.has(codeOf(error));
}

async function askInWords(send: Send, signal: AbortSignal | undefined): Promise<void> {
  try {
    await send("ListObjectsV2", { MaxKeys: 1 }, signal);
  } catch (error) {
    if (TELLING.has(codeOf(error))) throw error;
  }
}
