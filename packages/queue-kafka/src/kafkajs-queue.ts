// A plain import: `import.meta` and top-level `await` would keep CommonJS projects from loading this package under jest.
import found from "kafkajs/src/network/requestQueue/index.js";

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  requestTimeoutIntervalId?: NodeJS.Timeout;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
}

const RECHECK_MS = 10;
const REPAIRED: unique symbol = Symbol.for("@omni/queue-kafka/repaired@1");

/**
 * kafkajs 2.2.4 asks for a timer of a negative time after every answer, which Node 24 reports as TimeoutNegativeWarning and turns into a timer of
 * one millisecond that never ends, for every connection: https://github.com/tulios/kafkajs/issues/1751. The timer is needed only while something
 * waits or the broker throttles. A kafkajs that is built otherwise is left as it is.
 *
 * The check of request timeouts no longer keeps a process alive either: sockets decide that.
 */
export function repairRequestQueue(): void {
  const prototype = requestQueuePrototype();
  if (!prototype || REPAIRED in prototype) return;
  const checkTimeouts = prototype.scheduleRequestTimeoutCheck;
  Object.assign(prototype, {
    scheduleCheckPendingRequests(this: RequestQueue): void {
      if (this.throttleCheckTimeoutId) return;
      const throttled = this.throttledUntil - Date.now();
      if (throttled <= 0 && this.pending.length === 0) return;
      this.throttleCheckTimeoutId = setTimeout(
        () => {
          this.throttleCheckTimeoutId = null;
          this.checkPendingRequests();
        },
        throttled > 0 ? throttled : RECHECK_MS,
      );
    },
    scheduleRequestTimeoutCheck(this: RequestQueue): void {
      checkTimeouts.call(this);
      this.requestTimeoutIntervalId?.unref();
    },
    [REPAIRED]: true,
  });
}

function requestQueuePrototype(): RequestQueue | undefined {
  const prototype = typeof found === "function" ? (found.prototype as Partial<RequestQueue>) : undefined;
  const fits = prototype?.scheduleCheckPendingRequests && prototype.scheduleRequestTimeoutCheck && prototype.checkPendingRequests;
  return fits ? (prototype as RequestQueue) : undefined;
}
