/** How long to wait between attempts. */
export interface BackoffOptions {
  /** Milliseconds before the second attempt; doubled for each one after. @default 100 */
  readonly baseMs?: number | undefined;
  /** Most milliseconds between two attempts. @default 5000 */
  readonly maxMs?: number | undefined;
  /** A number from 0 to below 1. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/**
 * Milliseconds to wait after a failed attempt: exponential with full jitter, so that callers that failed together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param attempt the attempt that failed, from 1
 */
export function backoffMs(attempt: number, { baseMs = 100, maxMs = 5_000, random = Math.random }: BackoffOptions = {}): number {
  return random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1));
}
