import { type Consumer, type DedupeStore, type Message, memoryDedupe, type QueueProvider } from "@omni/core/queue";

/** Topic where the queue has none of its own. */
export const ORDERS = "orders";
/** Where an order goes that can never be shipped. */
export const REFUSED = "orders-refused";

/** What a message says. */
export interface Order {
  readonly customer: string;
  readonly items: number;
}

export interface ConsumerOptions {
  /** Ships an order: the handler's effect. Throwing means that the order comes again. @default nothing */
  readonly ship?: ((order: Order, message: Message) => unknown) | undefined;
  /** Orders that are shipped at once; those of one customer never are. @default 8 */
  readonly concurrency?: number | undefined;
  /**
   * Remembers which orders were shipped. All instances of the service need one store: with the default each one has its own.
   *
   * @default the memory of this process
   */
  readonly dedupe?: DedupeStore | undefined;
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A shipping service that runs. */
export interface Shipping extends AsyncDisposable {
  /** Orders that were shipped. */
  readonly shipped: number;
  readonly done: Promise<void>;
  /** Takes nothing more and lets what is being shipped end. The queue stays open: it is the caller's. */
  close(options?: { readonly drainMs: number }): Promise<void>;
}

/** An order that no second try makes good. */
class NoOrder extends Error {}

/**
 * Ships orders: each is acknowledged after it was shipped, one that fails comes again, one that is none goes to a topic of its own.
 *
 * @throws OmniError when the broker cannot be reached or refuses
 */
export async function start(provider: QueueProvider, options: ConsumerOptions = {}): Promise<Shipping> {
  const { ship, concurrency = 8, dedupe = memoryDedupe(), onError } = options;
  let shipped = 0;
  const handle = async (message: Message): Promise<void> => {
    await ship?.(orderIn(message), message);
    shipped += 1;
  };
  const consumer: Consumer = await provider.consume(provider.topic ?? ORDERS, handle, {
    group: "shipping",
    concurrency,
    dedupe,
    deadLetter: REFUSED,
    retryIf: (error) => !(error instanceof NoOrder),
    onError,
  });
  return {
    get shipped() {
      return shipped;
    },
    done: consumer.done,
    close: (closing) => consumer.close(closing),
    [Symbol.asyncDispose]: () => consumer.close(),
  };
}

function orderIn(message: Message): Order {
  let order: Partial<Order> | null;
  try {
    order = message.json<Partial<Order> | null>();
  } catch (cause) {
    throw new NoOrder(`message ${message.id} is not JSON`, { cause });
  }
  const { customer, items } = order ?? {};
  if (typeof customer === "string" && Number.isInteger(items)) return { customer, items: items as number };
  throw new NoOrder(`message ${message.id} is no order: it needs a customer and a whole number of items`);
}
