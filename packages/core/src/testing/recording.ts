import type { Backend } from "../backend.ts";
import { extend } from "../extend.ts";
import { type DriverCall, intercept, type Operation } from "./driver-calls.ts";

/** What a recording backend asked of its driver. */
export interface Requests {
  /** Every request, in order. */
  readonly log: readonly DriverCall[];
  /** How many there were of some operations; of all without a name. */
  count(...operations: readonly Operation[]): number;
  /** How many there were of each operation that was asked for. */
  counts(): Partial<Record<Operation, number>>;
  /** Forgets them. */
  clear(): void;
}

/**
 * A backend that counts what it asks of its driver.
 *
 * @param backend stays usable beside it; what is asked through it is not counted
 */
export function recording<B extends Backend>(backend: B): B & { readonly requests: Requests } {
  const log: DriverCall[] = [];
  const watched = intercept(backend, {
    call: (call, proceed) => {
      log.push(call);
      return proceed(...call.args);
    },
    // Counted when the first entry is asked for: until then the driver has nothing to do.
    async *list(call, proceed) {
      log.push(call);
      yield* proceed();
    },
  });
  const requests: Requests = {
    log,
    count: (...operations) =>
      operations.length === 0 ? log.length : log.filter(({ operation }) => operations.includes(operation)).length,
    counts: () => {
      const counts: Partial<Record<Operation, number>> = {};
      for (const { operation } of log) counts[operation] = (counts[operation] ?? 0) + 1;
      return counts;
    },
    clear: () => {
      log.length = 0;
    },
  };
  return extend(watched, { requests });
}
