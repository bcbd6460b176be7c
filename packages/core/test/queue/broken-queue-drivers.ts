import type { DriverDelivery, DriverSubscription, PublishOutcome, QueueDriver, WireMessage } from "@omni/core/queue";

/** A driver that breaks one promise, and the cases that have to notice. */
export interface BrokenQueueDriver {
  readonly promise: string;
  readonly caughtBy: readonly string[];
  readonly break: (driver: QueueDriver) => Partial<QueueDriver>;
}

/** A driver whose subscriptions are changed. */
function deliveries(change: (delivery: DriverDelivery) => Partial<DriverDelivery>): BrokenQueueDriver["break"] {
  return (driver) => ({
    subscribe: async (topic, options) => {
      const subscription = await driver.subscribe(topic, options);
      return { ...bound(subscription), next: async () => withChange(await subscription.next(), change) };
    },
  });
}

function withChange(
  delivery: DriverDelivery | undefined,
  change: (delivery: DriverDelivery) => Partial<DriverDelivery>,
): DriverDelivery | undefined {
  if (!delivery) return undefined;
  const { message, attempt } = delivery;
  const whole: DriverDelivery = {
    message,
    attempt,
    owned: () => delivery.owned?.() ?? true,
    ack: () => delivery.ack(),
    nack: (delayMs) => delivery.nack(delayMs),
    term: (reason) => delivery.term(reason),
    extend: () => delivery.extend(),
  };
  return { ...whole, ...change(delivery) };
}

function bound(subscription: DriverSubscription): DriverSubscription {
  return { next: () => subscription.next(), stop: () => subscription.stop(), close: () => subscription.close() };
}

function publishing(change: (batch: readonly WireMessage[]) => readonly WireMessage[]): BrokenQueueDriver["break"] {
  return (driver) => ({
    publish: async (topic, batch, options) => {
      const changed = change(batch);
      const outcomes = await driver.publish(topic, changed, options);
      return batch.map((_, i) => outcomes[i] ?? ({ state: "acked" } satisfies PublishOutcome));
    },
  });
}

function changedHeaders(message: WireMessage, headers: Readonly<Record<string, string>>): WireMessage {
  const { id, key, timestamp, body } = message;
  return { id, key, timestamp, body, headers };
}

let counted = 0;

export const BROKEN_QUEUE_DRIVERS: readonly BrokenQueueDriver[] = [
  {
    promise: "acknowledges before the handler has run",
    caughtBy: ["consuming: a handler that was interrupted did not acknowledge: another gets the message"],
    break: deliveries((delivery) => {
      delivery.ack();
      const nothing = (): void => undefined;
      return { ack: nothing, nack: nothing, term: nothing, extend: nothing };
    }),
  },
  {
    promise: "turns the order of a batch round",
    caughtBy: ["order: messages of one list come in its order per key"],
    break: publishing((batch) => [...batch].reverse()),
  },
  {
    promise: "claims to keep the order of concurrent calls and does not",
    caughtBy: ["order: messages published at the same time come in the order of the calls per key"],
    break: (driver) => ({
      publish: async (topic, batch, options) => {
        counted += 1;
        if (counted % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
        return driver.publish(topic, batch, options);
      },
    }),
  },
  {
    promise: "drops the delay of a nack",
    caughtBy: ["subscribing: nack with a delay brings it again not before the delay is over", "consuming: the backoff is kept"],
    break: deliveries((delivery) => ({ nack: () => delivery.nack(0) })),
  },
  {
    promise: "loses what is nacked",
    caughtBy: ["subscribing: nack brings the message again, with the next attempt"],
    break: deliveries((delivery) => ({ nack: () => delivery.ack() })),
  },
  {
    promise: "brings again what was terminated",
    caughtBy: ["subscribing: term ends the message", "dead letters: it does not come again on its own topic"],
    break: deliveries((delivery) => ({ term: () => delivery.nack(0) })),
  },
  {
    promise: "does not acknowledge",
    caughtBy: ["subscribing: what is acknowledged does not come again", "groups: a known group goes on where it was"],
    break: deliveries(() => ({ ack: () => undefined })),
  },
  {
    promise: "does not count deliveries",
    caughtBy: ["subscribing: nack brings the message again, with the next attempt"],
    break: deliveries(() => ({ attempt: 1 })),
  },
  {
    promise: "hands over more than was asked for",
    caughtBy: ["subscribing: never more deliveries are out than asked for"],
    break: (driver) => ({
      subscribe: (topic, options) => driver.subscribe(topic, { ...options, maxInFlight: options.maxInFlight + 5 }),
    }),
  },
  {
    promise: "gives every consumer every message",
    caughtBy: ["groups: the consumers of one group share the messages", "groups: a known group goes on where it was"],
    break: (driver) => ({
      subscribe: (topic, options) => {
        counted += 1;
        return driver.subscribe(topic, { ...options, group: `${options.group}-${counted}` });
      },
    }),
  },
  {
    promise: "has one group for all",
    caughtBy: ["groups: each group sees every message"],
    break: (driver) => ({ subscribe: (topic, options) => driver.subscribe(topic, { ...options, group: "one" }) }),
  },
  {
    promise: "starts every group with what comes",
    caughtBy: ["groups: a new group sees what was published before it"],
    break: (driver) => ({ subscribe: (topic, options) => driver.subscribe(topic, { ...options, from: "latest" }) }),
  },
  {
    promise: "starts every group with what was there",
    caughtBy: ["groups: a new group may start with what is published from now on", "groups: a new group may start at a time"],
    break: (driver) => ({ subscribe: (topic, options) => driver.subscribe(topic, { ...options, from: "earliest" }) }),
  },
  {
    promise: "keeps what a consumer had when it leaves",
    caughtBy: ["subscribing: leaving the loop gives back what was not settled"],
    break: (driver) => ({
      subscribe: async (topic, options) => {
        const subscription = await driver.subscribe(topic, options);
        return { ...bound(subscription), close: () => subscription.stop() };
      },
    }),
  },
  {
    promise: "does not end a pending next",
    caughtBy: ["subscribing: closing ends the iteration, and the signal of what is out"],
    break: (driver) => ({
      subscribe: async (topic, options) => {
        const subscription = await driver.subscribe(topic, options);
        const next = async (): Promise<DriverDelivery | undefined> => (await subscription.next()) ?? new Promise(() => undefined);
        return { ...bound(subscription), next };
      },
    }),
  },
  {
    promise: "acks a message now and then that it does not keep",
    caughtBy: ["consuming: many messages from many publishers are each handled, none is lost"],
    break: publishing((batch) => {
      counted += 1;
      return counted % 20 === 0 ? [] : batch;
    }),
  },
  {
    promise: "loses encoded headers",
    caughtBy: ["round trip: metadata comes back: unicode, line breaks and quotes", "round trip: source comes back: unicode"],
    break: publishing((batch) =>
      batch.map((message) =>
        changedHeaders(message, Object.fromEntries(Object.entries(message.headers).filter(([name]) => !name.endsWith("*")))),
      ),
    ),
  },
  {
    promise: "reads bodies as text",
    caughtBy: ["round trip: the data comes back: every byte"],
    break: publishing((batch) =>
      batch.map((message) => ({
        ...changedHeaders(message, message.headers),
        body: Buffer.from(Buffer.from(message.body).toString()),
      })),
    ),
  },
  {
    promise: "declares dedupe and has none",
    caughtBy: ["dedupe: the broker drops a second message of one id and says so"],
    break: (driver) => ({ features: { ...driver.features, dedupe: { windowMs: 60_000 } } }),
  },
  {
    promise: "dedupes by id without the topic",
    caughtBy: ["dedupe: one id on two topics is two messages"],
    break: (driver) => {
      const seen = new Set<string>();
      return {
        publish: async (topic, batch, options) => {
          const fresh = batch.filter(({ id }) => !seen.has(id));
          for (const { id } of fresh) seen.add(id);
          await driver.publish(topic, fresh, options);
          return batch.map((message) => ({ state: fresh.includes(message) ? "acked" : "duplicate" }));
        },
      };
    },
  },
  {
    promise: "browses everything whatever the window",
    caughtBy: ["browsing: gives the last few", "browsing: gives a window of time"],
    break: (driver) => ({ browse: (topic) => driver.browse?.(topic, {}) ?? nothing() }),
  },
  {
    promise: "makes the number of pending messages up",
    caughtBy: ["beginning and end: pending is what the group has not settled"],
    break: () => ({ stats: async () => ({ pending: 0 }) }),
  },
  {
    promise: "lets a delayed message keep the others back",
    caughtBy: ["subscribing: a delayed message keeps no other back"],
    break: (driver) => ({
      subscribe: async (topic, options) => {
        const subscription = await driver.subscribe(topic, options);
        let until = Promise.resolve();
        const next = async (): Promise<DriverDelivery | undefined> => {
          await until;
          return withChange(await subscription.next(), (delivery) => ({
            nack: (delayMs) => {
              until = new Promise((resolve) => setTimeout(resolve, Math.min(delayMs, 3_000)).unref());
              return delivery.nack(delayMs);
            },
          }));
        };
        return { ...bound(subscription), next };
      },
    }),
  },
];

async function* nothing(): AsyncGenerator<never, undefined, undefined> {}
