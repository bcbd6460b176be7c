import type { DriverPublishOptions, PublishOutcome, QueueDriver, WireMessage } from "@omni/core/queue";
import type { NatsClient } from "./client.ts";
import { CoreSubscription } from "./core-subscription.ts";
import { classifyError } from "./errors.ts";
import { headerBytes } from "./header-block.ts";
import { healthOf } from "./health.ts";
import { Link } from "./link.ts";
import type { NatsSettings } from "./options.ts";
import { orAbort } from "./or-abort.ts";
import { subjectOf } from "./subject.ts";

/**
 * The driver over NATS without JetStream: a message goes to whoever listens at the moment, one consumer of each group, and is kept by nobody.
 * Acknowledged means that the server took it.
 */
export function coreDriver(settings: NatsSettings): QueueDriver {
  const { prefix, where } = settings;
  const link = new Link(settings);
  const subscriptions = new Set<CoreSubscription>();
  const connected = (signal: AbortSignal | undefined): Promise<NatsClient> => link.connected(signal, settings.waitForConnection);

  return {
    name: "nats",
    identity: `nats:${where}//${prefix}`,
    features: {
      ordering: "topic",
      delivery: "at-most-once",
      durable: "none",
      groups: true,
      startFrom: ["latest"],
      headers: true,
      maxBytes: settings.maxBytes,
    },
    classifyError,
    check: (topic) => void subjectOf(prefix, topic),
    sizeOf: (message) => message.body.byteLength + headerBytes(message.headers),
    publish: (topic, batch, options) => publish(topic, batch, options),
    async subscribe(topic, { group, maxInFlight, signal, onEvent }) {
      const client = await connected(signal);
      const parts = { link, settings, subject: subjectOf(prefix, topic), group, maxInFlight, onEvent };
      const subscription = new CoreSubscription(parts, (closed) => subscriptions.delete(closed));
      subscriptions.add(subscription);
      // The server's word that it knows of the subscription: what is published from now on comes.
      await orAbort(subscription.start(client), signal);
      return subscription;
    },
    ready: async ({ signal }) => {
      await connected(signal);
    },
    health: ({ signal }) => healthOf(link, signal, () => connected(signal)),
    async close({ signal }) {
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
      await link.close(signal);
    },
  };

  async function publish(
    topic: string,
    batch: readonly WireMessage[],
    options: DriverPublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (link.isOpen && !link.client && !settings.waitForConnection) throw link.downError();
    const client = link.client ?? (await connected(options.signal));
    link.touch();
    const subject = subjectOf(prefix, topic);
    const outcomes: (PublishOutcome | undefined)[] = batch.map((message) => handOver(client, subject, message));
    const word = await wordOf(link, client, subject);
    return outcomes.map((outcome) => outcome ?? word);
  }
}

/** Nothing, or why the message was not handed over. */
function handOver(client: NatsClient, subject: string, message: WireMessage): PublishOutcome | undefined {
  try {
    client.publish(subject, message.body, message.headers);
    return undefined;
  } catch (error) {
    return { state: "rejected", error };
  }
}

/** The server answers a ping after everything that came before it; a refusal of the subject comes before the answer. */
async function wordOf(link: Link, client: NatsClient, subject: string): Promise<PublishOutcome> {
  let refused: unknown;
  const remove = link.onRefused((other, error) => {
    if (other === subject) refused = error;
  });
  try {
    await client.flush();
    // Refusals come through a queue of their own, within this turn.
    await new Promise((resolve) => setImmediate(resolve));
    return refused === undefined ? { state: "acked" } : { state: "rejected", error: refused };
  } catch (error) {
    return { state: "unknown", error };
  } finally {
    remove();
  }
}
