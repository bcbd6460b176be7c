import { type Clock, systemClock } from "../clock.ts";
import { checkCount, checkMs } from "./check.ts";
import type { DedupeClaim, DedupeKey, DedupeStore } from "./dedupe.ts";

/** How long a dedupe store remembers, and how long a claim on a message lasts. */
export interface DedupeStoreOptions {
  /** Milliseconds that a handled message is remembered. @default 3_600_000 */
  readonly windowMs?: number | undefined;
  /** Milliseconds that a claim lasts without renewal. @default 30_000 */
  readonly leaseMs?: number | undefined;
  /** Time, for tests. @default the machine's */
  readonly clock?: Clock | undefined;
}

/** How much a dedupe store in memory remembers, and for how long. */
export interface MemoryDedupeOptions extends DedupeStoreOptions {
  /** Handled messages remembered at most; past it the oldest are forgotten early and `forgotten` counts them. @default 1_000_000 */
  readonly maxEntries?: number | undefined;
}

/** A dedupe store in this process. */
export interface MemoryDedupe extends DedupeStore {
  readonly scope: "process";
  /** Messages remembered. */
  readonly size: number;
  /** Messages forgotten before their window had passed, because there were too many. */
  readonly forgotten: number;
}

interface Claim {
  readonly token: string;
  expiresAt: number;
}

/** Remembers handled messages in this process: enough where one process consumes a group, or where brokers are merged in one process. */
export function memoryDedupe(options: MemoryDedupeOptions = {}): MemoryDedupe {
  const windowMs = checkMs("windowMs", options.windowMs ?? 3_600_000);
  const leaseMs = checkCount("leaseMs", options.leaseMs ?? 30_000);
  const maxEntries = checkCount("maxEntries", options.maxEntries ?? 1_000_000);
  const { clock = systemClock } = options;
  const claims = new Map<string, Claim>();
  // In the order of `done`, so that the oldest stand first.
  const handled = new Map<string, number>();
  let tokens = 0;
  let forgotten = 0;

  const forgetOld = (): number => {
    const before = handled.size;
    const now = clock.now();
    for (const [key, until] of handled) {
      if (until > now) break;
      handled.delete(key);
    }
    return before - handled.size;
  };
  const held = (key: string, token: string): Claim | undefined => {
    const claim = claims.get(key);
    return claim?.token === token ? claim : undefined;
  };

  return {
    scope: "process",
    windowMs,
    leaseMs,
    get size() {
      return handled.size;
    },
    get forgotten() {
      return forgotten;
    },
    begin(key): DedupeClaim {
      forgetOld();
      const name = nameOf(key);
      if (handled.has(name)) return { state: "done" };
      const now = clock.now();
      const other = claims.get(name);
      if (other && other.expiresAt > now) return { state: "busy", retryAfterMs: Math.min(other.expiresAt - now, BUSY_POLL_MS) };
      tokens += 1;
      const token = String(tokens);
      claims.set(name, { token, expiresAt: now + leaseMs });
      return { state: "claimed", token };
    },
    renew(key, token) {
      const claim = held(nameOf(key), token);
      if (claim) claim.expiresAt = clock.now() + leaseMs;
      return claim !== undefined;
    },
    done(key, token) {
      const name = nameOf(key);
      if (!held(name, token)) return false;
      claims.delete(name);
      handled.set(name, clock.now() + windowMs);
      if (handled.size > maxEntries) {
        const [oldest] = handled.keys();
        handled.delete(oldest as string);
        forgotten += 1;
      }
      return true;
    },
    release(key, token) {
      const name = nameOf(key);
      if (held(name, token)) claims.delete(name);
    },
    sweep: forgetOld,
  };
}

/** How long a copy waits at most before it asks again whether the other is done. */
export const BUSY_POLL_MS = 50;

// Neither groups nor topics nor ids have control characters.
function nameOf(key: DedupeKey): string {
  return `${key.group}\n${key.topic}\n${key.id}`;
}
