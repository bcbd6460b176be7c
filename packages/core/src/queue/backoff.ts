import { checkMs, invalidOption } from "./check.ts";

/** How long to wait before the next attempt. */
export interface BackoffOptions {
  /** Milliseconds before the second attempt. @default 100 */
  readonly minMs?: number | undefined;
  /** Most milliseconds to wait. @default 30_000 */
  readonly maxMs?: number | undefined;
  /** What the wait is multiplied by each time. @default 2 */
  readonly factor?: number | undefined;
  /** Share of the wait that is random, 0 to 1: 0.5 waits between half and all of it. @default 0.5 */
  readonly jitter?: number | undefined;
}

/** Options, a list of waits in milliseconds (the last one repeats), or a function from the attempt that failed (1, 2, ...) to milliseconds. */
export type Backoff = BackoffOptions | readonly number[] | ((attempt: number) => number);

/**
 * Turns a backoff into a function.
 *
 * @throws OmniError INVALID_ARGUMENT
 */
export function toBackoff(backoff: Backoff = {}, random: () => number = Math.random): (attempt: number) => number {
  if (typeof backoff === "function") return backoff;
  if (isList(backoff)) {
    if (backoff.length === 0) throw invalidOption("backoff", "[]", "a list of at least one wait in milliseconds");
    for (const ms of backoff) checkMs("backoff", ms);
    return (attempt) => backoff[Math.min(attempt, backoff.length) - 1] as number;
  }
  const { minMs = 100, maxMs = 30_000, factor = 2, jitter = 0.5 } = backoff;
  checkMs("backoff.minMs", minMs);
  checkMs("backoff.maxMs", maxMs);
  if (!(factor >= 1)) throw invalidOption("backoff.factor", factor, "1 or more");
  if (!(jitter >= 0 && jitter <= 1)) throw invalidOption("backoff.jitter", jitter, "between 0 and 1");
  return (attempt) => {
    const wait = Math.min(maxMs, minMs * factor ** (attempt - 1));
    return Math.round(wait * (1 - jitter * random()));
  };
}

function isList(backoff: Backoff): backoff is readonly number[] {
  return Array.isArray(backoff);
}
