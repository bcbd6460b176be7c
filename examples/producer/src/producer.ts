import { setTimeout as sleep } from "node:timers/promises";
import { OmniError } from "@omni/core";
import { newId, type PublishResult, type QueueProvider } from "@omni/core/queue";

/** Topic where the queue has none of its own. */
export const ORDERS = "orders";

/** What a message says. */
export interface Order {
  readonly customer: string;
  readonly items: number;
}

export interface ProducerOptions {
  /** Orders to place, then it ends by itself. @default endless */
  readonly count?: number | undefined;
  /** Milliseconds between two orders. @default 1_000 */
  readonly everyMs?: number | undefined;
  /** Told of each order that the broker has taken. */
  readonly onPlaced?: ((result: PublishResult) => void) | undefined;
  /** Told of each try that failed and is repeated. */
  readonly onRetry?: ((error: unknown) => void) | undefined;
}

/** A producer that runs. */
export interface Producer extends AsyncDisposable {
  /** Orders that the broker has taken. */
  readonly placed: number;
  /** Resolves when it has ended; rejects when it cannot go on. */
  readonly done: Promise<void>;
  /** Places no further order. What is on its way ends first. The queue stays open: it is the caller's. */
  close(): Promise<void>;
}

const CUSTOMERS = ["ada", "grace", "linus", "margaret"] as const;
const RETRY_MS = 500;

/**
 * Places orders, one after the other.
 *
 * @throws OmniError when the broker cannot be reached or refuses: at once, and not with the first order
 */
export async function start(provider: QueueProvider, options: ProducerOptions = {}): Promise<Producer> {
  await provider.ready();
  const stopping = new AbortController();
  const state = { placed: 0 };
  const done = run(provider, options, stopping.signal, state);
  // Whoever asks for `done` hears of it.
  done.catch(() => undefined);
  const close = async (): Promise<void> => {
    stopping.abort();
    await done;
  };
  return {
    get placed() {
      return state.placed;
    },
    done,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function run(
  provider: QueueProvider,
  { count = Number.POSITIVE_INFINITY, everyMs = 1_000, onPlaced, onRetry }: ProducerOptions,
  stopping: AbortSignal,
  state: { placed: number },
): Promise<void> {
  while (state.placed < count && !stopping.aborted) {
    const customer = CUSTOMERS[state.placed % CUSTOMERS.length] as string;
    const result = await place(provider, { customer, items: (state.placed % 5) + 1 }, stopping, onRetry);
    if (!result) return;
    state.placed += 1;
    onPlaced?.(result);
    if (state.placed < count) await pause(everyMs, stopping);
  }
}

/**
 * Publishes until the broker has it. The id is made once: an order whose fate is unknown (IN_DOUBT) is tried again under the same one, so that the
 * broker, or the consumer, can tell a second copy.
 */
async function place(
  provider: QueueProvider,
  order: Order,
  stopping: AbortSignal,
  onRetry: ProducerOptions["onRetry"],
): Promise<PublishResult | undefined> {
  const id = newId();
  const message = { id, topic: provider.topic ?? ORDERS, key: order.customer, data: JSON.stringify(order) };
  for (;;) {
    try {
      return await provider.publish(message);
    } catch (error) {
      if (!(OmniError.is(error) && error.retryable)) throw error;
      onRetry?.(error);
      if (stopping.aborted) return undefined;
      await pause(RETRY_MS, stopping);
    }
  }
}

/** Waits, or ends at once when it is to stop. */
async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: stopping });
  } catch (error) {
    if (!stopping.aborted) throw error;
  }
}
