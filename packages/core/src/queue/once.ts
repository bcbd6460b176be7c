import { type Clock, delay, systemClock } from "../clock.ts";
import { OmniError } from "../error.ts";
import { invalidOption } from "./check.ts";
import type { DedupeHandle, DedupeKey, DedupeOptions, DedupeStore } from "./dedupe.ts";
import type { HandlerContext, Middleware } from "./handler.ts";

const SCOPES = ["process", "host", "fleet"] as const;

/** What {@link dedupe} takes beside the store. */
export interface OnceOptions {
  /** Told of each copy that was kept from being handled again. */
  readonly onSuppressed?: ((key: DedupeKey) => void) | undefined;
  /** Time, for tests. @default the machine's */
  readonly clock?: Clock | undefined;
}

/**
 * Handles each (group, topic, id) once while the store remembers it. A copy that arrives while another is handled waits for it, without counting as
 * a delivery that failed. A handler interrupted after its effect and before `done` runs again: see {@link DedupeHandle.in}.
 */
export function dedupe(given: DedupeStore | DedupeOptions, options: OnceOptions = {}): Middleware {
  const store = checkDedupe(given);
  const { clock = systemClock, onSuppressed } = options;
  return (next) => async (message, context) => {
    const key: DedupeKey = { group: context.group, topic: context.topic, id: message.id };
    for (;;) {
      const claim = await store.begin(key);
      if (claim.state === "done") {
        onSuppressed?.(key);
        return undefined;
      }
      if (claim.state === "busy") {
        await delay(Math.max(1, claim.retryAfterMs), clock, context.signal);
        continue;
      }
      const renewal = new Renewal(store, key, claim.token, clock);
      try {
        await next(message, withHandle(context, handleOf(store, key, claim.token)));
      } catch (error) {
        renewal.stop();
        await store.release(key, claim.token);
        throw error;
      }
      renewal.stop();
      // Another took over while the handler ran: what it leaves decides.
      if (await store.done(key, claim.token)) return undefined;
    }
  };
}

/** @throws OmniError INVALID_ARGUMENT when the store remembers for too few or for too short */
export function checkDedupe(given: DedupeStore | DedupeOptions): DedupeStore {
  if ("begin" in given) return given;
  const { store, scope = store.scope, minWindowMs = 0 } = given;
  if (!SCOPES.includes(scope)) throw invalidOption("dedupe.scope", scope, SCOPES.join(", "));
  if (SCOPES.indexOf(store.scope) < SCOPES.indexOf(scope)) {
    const remedy =
      scope === "host" ? "a store in a file, like sqliteDedupe" : "a store that all instances share, like backendDedupe";
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `dedupe.scope is "${scope}" and the store's is "${store.scope}": use ${remedy}`,
    });
  }
  if (store.windowMs < minWindowMs) {
    const reason = `dedupe.minWindowMs is ${minWindowMs} and the store forgets after ${store.windowMs} ms: give it a longer windowMs`;
    throw new OmniError("INVALID_ARGUMENT", { reason });
  }
  return store;
}

function handleOf(store: DedupeStore, key: DedupeKey, token: string): DedupeHandle {
  return {
    in: (tx) => {
      if (store.doneIn) return store.doneIn(tx, key, token);
      const reason = "this dedupe store has no transactions: use one in the database of the effect, like sqliteDedupe";
      throw new OmniError("NOT_SUPPORTED", { operation: "consume", topic: key.topic, reason });
    },
  };
}

function withHandle(context: HandlerContext, handle: DedupeHandle): HandlerContext {
  return Object.create(context, { dedupe: { value: handle, enumerable: true } }) as HandlerContext;
}

/** Keeps a claim while its handler works. */
class Renewal {
  readonly #again: () => void;
  readonly #clock: Clock;
  #timer: unknown;
  #stopped = false;

  constructor(store: DedupeStore, key: DedupeKey, token: string, clock: Clock) {
    this.#clock = clock;
    this.#again = () => {
      this.#timer = clock.setTimeout(() => {
        // A renewal that fails costs the claim, which `done` finds out.
        Promise.resolve(store.renew(key, token)).then(
          (held) => (held && !this.#stopped ? this.#again() : undefined),
          () => (this.#stopped ? undefined : this.#again()),
        );
      }, store.leaseMs / 3);
    };
    this.#again();
  }

  stop(): void {
    this.#stopped = true;
    this.#clock.clearTimeout(this.#timer);
  }
}
