/** What can go wrong with one request (HTTP mode) or one connection (TCP mode). */

/** An answer that the proxy gives in place of the target. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Bytes are counted per request: of the body on the wire, chunk framing included; in TCP mode per connection and direction.
 *
 * | kind | what happens | did the target see it |
 * |---|---|---|
 * | `latency` | waits, then goes on as usual | yes |
 * | `reset` | TCP reset: in the request after so many bytes (without a number before the first), or in the response | the request part: incomplete; the response part: whole |
 * | `drop` | the same with an orderly close (FIN) and no word | likewise |
 * | `truncate` | head and so many bytes of the response's body, then an orderly close | whole |
 * | `stall` | stands still after so many bytes, for `ms` or until somebody hangs up | as `reset` |
 * | `slow` | so many bytes a second | yes |
 * | `answer` | reads the request to its end and answers by itself | no |
 * | `after-commit` | forwards the request, waits for the whole answer of the target, throws it away, then does `then` | whole |
 */
export type Fault =
  | { readonly kind: "latency"; readonly ms: number }
  | { readonly kind: "reset" | "drop"; readonly in?: Direction; readonly afterBytes?: number }
  | { readonly kind: "truncate"; readonly afterBytes: number }
  | { readonly kind: "stall"; readonly in?: Direction; readonly afterBytes?: number; readonly ms?: number }
  | { readonly kind: "slow"; readonly in?: Direction; readonly bytesPerSecond: number }
  | ({ readonly kind: "answer" } & Answer)
  | { readonly kind: "after-commit"; readonly then: Answer | "reset" | "drop" | "stall" };

/** @default "response" */
export type Direction = "request" | "response";

/** 503 with an optional Retry-After. */
export function unavailable(body = "", retryAfterSeconds?: number): Fault {
  return {
    kind: "answer",
    status: 503,
    body,
    ...(retryAfterSeconds === undefined ? {} : { headers: { "retry-after": String(retryAfterSeconds) } }),
  };
}

/** 429 with Retry-After, in seconds. */
export function throttled(retryAfterSeconds: number, body = ""): Fault {
  return { kind: "answer", status: 429, body, headers: { "retry-after": String(retryAfterSeconds) } };
}

/** The target carries the request out and the client is told 500. */
export function failAfterCommit(body = ""): Fault {
  return { kind: "after-commit", then: { status: 500, body } };
}

/** Refuses nonsense when a fault is planned, not when it strikes. */
export function checkFault(fault: Fault, mode: "http" | "tcp"): Fault {
  if (mode === "tcp" && (fault.kind === "answer" || fault.kind === "after-commit" || fault.kind === "truncate")) {
    throw new TypeError(`a fault of kind "${fault.kind}" needs mode "http": a bare TCP proxy sees no requests`);
  }
  const numbers = Object.entries(fault).filter(([, value]) => typeof value === "number");
  for (const [name, value] of numbers)
    if (!(value >= 0)) throw new TypeError(`fault ${fault.kind}: ${name} is ${value}, not a number from 0 on`);
  if (fault.kind === "slow" && !(fault.bytesPerSecond > 0)) throw new TypeError("fault slow: bytesPerSecond must be above 0");
  return fault;
}
