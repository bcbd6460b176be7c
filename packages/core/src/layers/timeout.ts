import type { Backend } from "../backend.ts";
import { layer } from "../extend.ts";

/** The time limits of {@link withTimeout}. */
export interface TimeoutOptions {
  /** Milliseconds for a whole call; for `read` until the object is open. A call's own `timeoutMs` wins. @default none */
  readonly callMs?: number | undefined;
  /** Milliseconds that a body may bring no byte. A read's own `idleTimeoutMs` wins. @default none */
  readonly idleMs?: number | undefined;
}

/**
 * Gives every call of a backend a time limit, and every body an idle limit.
 *
 * @throws OmniError TIMEOUT from the calls
 */
export function withTimeout<B extends Backend>(backend: B, { callMs, idleMs }: TimeoutOptions): B {
  return layer(backend, () => ({}), { timeoutMs: callMs, idleTimeoutMs: idleMs });
}
