/** Counting of checks against one server: what it does and what it does not, as seen. */
import { setTimeout as delay } from "node:timers/promises";

export type Check = (title: string, act: () => Promise<unknown>) => Promise<void>;

export interface Report {
  readonly check: Check;
  readonly passed: () => number;
  readonly failed: readonly string[];
}

/** A check that takes longer has hung. */
const patienceMs = 30_000;

export function report(): Report {
  const failed: string[] = [];
  let passed = 0;
  return {
    failed,
    passed: () => passed,
    async check(title, act) {
      const over = new AbortController();
      try {
        const late = delay(patienceMs, undefined, { signal: over.signal }).then(() => Promise.reject(new Error("hangs")));
        late.catch(() => {}); // taken back when the check is done
        await Promise.race([act(), late]);
        passed += 1;
      } catch (error) {
        failed.push(`${title}: ${String(error).slice(0, 160)}`);
      } finally {
        over.abort();
      }
    },
  };
}

export function assert(condition: unknown, message: unknown): asserts condition {
  if (!condition) throw new Error(`seen: ${message}`);
}

interface ServiceError {
  readonly name: string;
  readonly message: string;
  readonly code?: number;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The error of a call that must fail by one of these names or statuses. */
export async function refused(call: Promise<unknown>, ...accepted: readonly (string | number)[]): Promise<ServiceError> {
  let failure: ServiceError;
  try {
    await call;
  } catch (error) {
    failure = error as ServiceError;
    const status = failure.$metadata?.httpStatusCode ?? failure.code ?? -1;
    if (accepted.includes(failure.name) || accepted.includes(status)) return failure;
    throw new Error(`refused with ${failure.name} ${status}, ${failure.message}`);
  }
  throw new Error("not refused");
}

export function byBytes(keys: readonly string[]): string[] {
  return [...keys].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
}
