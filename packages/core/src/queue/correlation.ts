import { AsyncLocalStorage } from "node:async_hooks";
import type { Middleware } from "./handler.ts";

/** Metadata under which messages carry what they belong to. */
export const CORRELATION_ID = "correlation-id";

const PASSED_ON = [CORRELATION_ID, "traceparent", "tracestate"] as const;

const current = new AsyncLocalStorage<Readonly<Record<string, string>>>();

/**
 * Messages that a handler publishes get the `correlation-id` of the message that it handles (its own id where it has none), `traceparent` and
 * `tracestate`, unless they have some of their own. Works across awaits and across queues.
 */
export function correlation(): Middleware {
  return (next) => (message, context) => {
    const carried: Record<string, string> = { [CORRELATION_ID]: message.id };
    for (const name of PASSED_ON) {
      const value = message.metadata[name];
      if (value !== undefined) carried[name] = value;
    }
    return current.run(carried, () => next(message, context));
  };
}

/** What a message published now would carry; `undefined` outside of a handler under {@link correlation}. */
export function currentCorrelation(): Readonly<Record<string, string>> | undefined {
  return current.getStore();
}
