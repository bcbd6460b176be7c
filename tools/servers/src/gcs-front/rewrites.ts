/** Rewriting in several calls (documentation page "Objects: rewrite"): the server behind does it in one, whatever it is asked. */

const leastBytesPerCall = 1024 * 1024;

export type RewriteStep =
  | { readonly act: "forward" }
  | { readonly act: "refuse"; readonly message: string }
  | { readonly act: "continue"; readonly answer: Readonly<Record<string, unknown>> };

/** The last call does the work; the ones before report progress and a token. A token belongs to one source generation and destination. */
export function rewriteStep(query: URLSearchParams, size: number, subject: string): RewriteStep {
  const limit = query.get("maxBytesRewrittenPerCall");
  const token = query.get("rewriteToken");
  if (limit === null && token === null) return { act: "forward" };
  const perCall = Number(limit ?? leastBytesPerCall);
  if (!(perCall >= leastBytesPerCall) || perCall % leastBytesPerCall !== 0) {
    return { act: "refuse", message: "maxBytesRewrittenPerCall must be a multiple of 1 MiB" };
  }
  const before = token === null ? { subject, rewritten: 0 } : decode(token);
  if (before?.subject !== subject) return { act: "refuse", message: "Invalid rewrite token" };
  const rewritten = before.rewritten + perCall;
  if (rewritten >= size) return { act: "forward" };
  const rewriteToken = Buffer.from(JSON.stringify({ subject, rewritten })).toString("base64url");
  const answer = {
    kind: "storage#rewriteResponse",
    totalBytesRewritten: String(rewritten),
    objectSize: String(size),
    done: false,
    rewriteToken,
  };
  return { act: "continue", answer };
}

function decode(token: string): { readonly subject: string; readonly rewritten: number } | undefined {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as { subject: string; rewritten: number };
  } catch {
    return undefined; // not one of ours
  }
}
