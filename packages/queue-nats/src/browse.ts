import type { BrowsedMessage, DriverBrowseOptions } from "@omni/core/queue";
import { factsOf, JetStreamMessage } from "./delivery.ts";
import type { ConsumerConfig, JetStream } from "./jetstream.ts";
import type { Link } from "./link.ts";
import type { NatsSettings } from "./options.ts";
import { subjectOf } from "./subject.ts";

/** What browsing needs. */
export interface BrowseParts {
  readonly link: Link;
  readonly jetstream: JetStream;
  readonly settings: NatsSettings;
}

const BATCH = 256;
const EXPIRES_MS = 5_000;
const encoder = new TextEncoder();

/** Reads a window of a topic through a consumer that acknowledges nothing and goes by itself, up to what was there when it began. */
export async function* browse(
  parts: BrowseParts,
  topic: string,
  window: DriverBrowseOptions,
): AsyncGenerator<BrowsedMessage, undefined, undefined> {
  const { jetstream, settings } = parts;
  const { signal } = window;
  const { stream } = settings;
  const info = await jetstream.stream(stream, signal);
  const last = info?.state.last_seq ?? 0;
  if (!info || info.state.messages === 0) return;
  const name = `browse-${crypto.randomUUID()}`;
  const consumer = await jetstream.createConsumer(stream, name, consumerOf(settings, topic, window), signal);
  try {
    const messages = take(parts, name, consumer.num_pending, (message) => isBefore(message, last, window.until), signal);
    yield* window.last === undefined ? messages : lastOf(messages, window.last);
  } finally {
    // It would go by itself soon after; a browse that was left early must not wait for that.
    await jetstream.deleteConsumer(stream, name, undefined).catch((error) => {
      settings.logger.debug({ provider: "nats", topic, error: String(error) }, "deleting the browsing consumer failed");
    });
  }
}

function consumerOf(settings: NatsSettings, topic: string, window: DriverBrowseOptions): ConsumerConfig {
  const start =
    window.from === undefined
      ? ({ deliver_policy: "all" } as const)
      : ({ deliver_policy: "by_start_time", opt_start_time: new Date(Math.ceil(window.from)).toISOString() } as const);
  return {
    ...start,
    ack_policy: "none",
    filter_subject: subjectOf(settings.prefix, topic),
    inactive_threshold: 30_000 * 1_000_000,
    mem_storage: true,
    num_replicas: 1,
  };
}

function isBefore(message: BrowsedMessage, last: number, until: number | undefined): boolean {
  return Number(message.position?.sequence) <= last && (until === undefined || message.timestamp < until);
}

/** What is left of a consumer, batch by batch. */
async function* take(
  { link, settings }: BrowseParts,
  consumer: string,
  pending: number,
  isWanted: (message: BrowsedMessage) => boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<BrowsedMessage, undefined, undefined> {
  for (let left = pending; left > 0; ) {
    const batch = await fetch(link, settings, consumer, Math.min(left, BATCH), signal);
    if (batch.length === 0) return;
    left -= batch.length;
    for (const message of batch) {
      signal?.throwIfAborted();
      if (!isWanted(message)) return;
      yield message;
    }
  }
}

/** One pull that does not wait for what is not there. */
async function fetch(
  link: Link,
  { stream, inboxPrefix, clock }: NatsSettings,
  consumer: string,
  batch: number,
  signal: AbortSignal | undefined,
): Promise<BrowsedMessage[]> {
  const client = await link.connected(signal, true);
  const inbox = `${inboxPrefix}.${crypto.randomUUID().replaceAll("-", "")}`;
  const found: BrowsedMessage[] = [];
  return new Promise((resolve, reject) => {
    const end = (error?: unknown): void => {
      clock.clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      remove();
      if (link.client) subscription.unsubscribe();
      if (error === undefined) resolve(found);
      else reject(error);
    };
    const stop = (): void => end(signal?.reason);
    const remove = link.onChange(() => end(link.downError()));
    const timer = clock.setTimeout(() => end(link.downError()), EXPIRES_MS * 2);
    const subscription = client.subscribe(inbox, (message) =>
      link.guard(() => {
        if (message.status === 100) return;
        if (message.status !== 0 || !message.reply.startsWith("$JS.ACK.")) return end();
        found.push(new JetStreamMessage(message, factsOf(message.reply), stream));
        if (found.length === batch) end();
      }),
    );
    signal?.addEventListener("abort", stop, { once: true });
    const request = { batch, no_wait: true, expires: EXPIRES_MS * 1_000_000 };
    client.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, encoder.encode(JSON.stringify(request)), undefined, inbox);
  });
}

async function* lastOf(
  messages: AsyncIterable<BrowsedMessage>,
  count: number,
): AsyncGenerator<BrowsedMessage, undefined, undefined> {
  const kept: BrowsedMessage[] = [];
  for await (const message of messages) {
    kept.push(message);
    if (kept.length > count) kept.shift();
  }
  yield* kept;
}
