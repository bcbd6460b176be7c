import { OmniError } from "@omni/core";
import type {
  DriverStats,
  DriverSubscribeOptions,
  DriverSubscription,
  QueueDriver,
  QueueDriverFeatures,
  QueueSupporting,
  WireMessage,
} from "@omni/core/queue";
import { browse } from "./browse.ts";
import { classifyError } from "./errors.ts";
import { GroupConsumer } from "./groups.ts";
import { headerBytes } from "./header-block.ts";
import { healthOf } from "./health.ts";
import { JetStream } from "./jetstream.ts";
import { Link } from "./link.ts";
import type { NatsSettings } from "./options.ts";
import { JetStreamPublisher } from "./publisher.ts";
import { StreamKeeper } from "./streams.ts";
import { durableName, subjectOf } from "./subject.ts";
import { JetStreamSubscription } from "./subscription.ts";

/** The driver over JetStream. */
export type JetStreamDriver = QueueDriver &
  QueueSupporting<"browse"> & {
    /** Forgets a group and its place on a topic; its consumers stop. Does nothing where there is none. */
    deleteGroup(topic: string, group: string): Promise<void>;
  };

export function jetStreamDriver(settings: NatsSettings): JetStreamDriver {
  const { prefix, stream, where } = settings;
  const link = new Link(settings);
  const jetstream = new JetStream(link);
  const streams = new StreamKeeper(jetstream, settings);
  const publisher = new JetStreamPublisher(link, streams, settings);
  const subscriptions = new Set<JetStreamSubscription>();
  const prepare = async (signal: AbortSignal | undefined): Promise<void> => {
    await link.connected(signal, settings.waitForConnection);
    await streams.ensure(signal);
  };

  return {
    name: "nats",
    identity: `nats:${where}/${stream}/${prefix}`,
    features: featuresOf(settings),
    classifyError,
    check: (topic, message) => check(prefix, topic, message),
    sizeOf,
    publish: (topic, batch, options) => publisher.publish(topic, batch, options),
    async subscribe(topic, options) {
      await prepare(options.signal);
      const subscription = await join(topic, options);
      subscriptions.add(subscription);
      return subscription;
    },
    async *browse(topic, window) {
      await prepare(window.signal);
      yield* browse({ link, jetstream, settings }, topic, window);
    },
    ready: ({ signal }) => prepare(signal),
    async stats({ topic, group, signal }) {
      if (topic === undefined) return {};
      await prepare(signal);
      return stats(topic, group, signal);
    },
    health: ({ signal }) => healthOf(link, signal, () => prepare(signal)),
    async deleteGroup(topic, group) {
      await prepare(undefined);
      await jetstream.deleteConsumer(stream, durableName(topic, group), undefined);
    },
    async close({ signal }) {
      // Pulls first, then what the handlers still said, then the connection: a drained connection takes no acknowledgement.
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
      await link.close(signal);
    },
  };

  async function join(topic: string, options: DriverSubscribeOptions): Promise<DriverSubscription & JetStreamSubscription> {
    const consumer = new GroupConsumer(jetstream, settings, topic, options);
    await consumer.ensure(options.signal);
    const subscription = new JetStreamSubscription({
      link,
      settings,
      topic,
      stream,
      durable: consumer.name,
      maxInFlight: options.maxInFlight,
      ackWaitMs: consumer.ackWaitMs,
      onEvent: options.onEvent,
      onClose: (closed) => subscriptions.delete(closed),
      async restore(signal) {
        streams.doubt();
        await streams.ensure(signal);
        await consumer.ensure(signal);
      },
    });
    subscription.start(await link.connected(options.signal, true));
    return subscription;
  }

  async function stats(topic: string, group: string | undefined, signal: AbortSignal | undefined): Promise<DriverStats> {
    const subject = subjectOf(prefix, topic);
    const [info, consumer] = await Promise.all([
      jetstream.stream(stream, signal, subject),
      group === undefined ? undefined : jetstream.consumer(stream, durableName(topic, group), signal),
    ]);
    const stored = info?.state.subjects?.[subject] ?? 0;
    // A group that nobody made would start with everything.
    return { stored, pending: consumer ? consumer.num_pending + consumer.num_ack_pending : stored };
  }
}

function featuresOf(settings: NatsSettings): Partial<QueueDriverFeatures> {
  const onDisk = settings.replicas > 1 ? "store" : "host";
  return {
    ordering: "topic",
    delivery: "at-least-once",
    durable: settings.storage === "file" ? onDisk : "none",
    groups: true,
    startFrom: ["earliest", "latest", "time"],
    dedupe: { windowMs: settings.dedupeWindowMs },
    delayedNack: true,
    independentNack: true,
    attempts: "group",
    ackDeadlineMs: settings.ackDeadlineMs,
    // One connection keeps the order of calls, but a message that no stream answered for is sent again.
    pipelined: false,
    headers: true,
    maxBytes: settings.maxBytes,
    pending: true,
  };
}

function check(prefix: string, topic: string, message: WireMessage | undefined): void {
  const subject = subjectOf(prefix, topic);
  if (message || subject.length <= 1_000) return;
  throw new OmniError("INVALID_ARGUMENT", { topic, reason: "the subject is longer than 1000 characters", outcome: "not-applied" });
}

function sizeOf(message: WireMessage): number {
  return message.body.byteLength + headerBytes(message.headers);
}
