import type { DriverDelivery, DriverSubscription, QueueDriver, ReceivedMessage } from "@omni/core/queue";

/** A driver whose messages travel as headers and bytes, as through a broker in another process. */
export function throughTheWire<D extends QueueDriver>(driver: D): D {
  return { ...driver, subscribe: async (topic, options) => copying(await driver.subscribe(topic, options)) };
}

function copying(subscription: DriverSubscription): DriverSubscription {
  return {
    next: async () => {
      const delivery = await subscription.next();
      return delivery && copyOf(delivery);
    },
    stop: () => subscription.stop(),
    close: () => subscription.close(),
  };
}

function copyOf(delivery: DriverDelivery): DriverDelivery {
  const { headers, body } = delivery.message;
  const message: ReceivedMessage = { headers: { ...headers }, body: Uint8Array.from(body) };
  return {
    message,
    attempt: delivery.attempt,
    get signal() {
      return delivery.signal;
    },
    owned: () => delivery.owned?.() ?? true,
    ack: () => delivery.ack(),
    nack: (delayMs) => delivery.nack(delayMs),
    term: (reason) => delivery.term(reason),
    extend: () => delivery.extend(),
  };
}
