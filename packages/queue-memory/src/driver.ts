import type { BrowsedMessage, DriverBrowseOptions, QueueDriver, QueueDriverFeatures, QueueSupporting } from "@omni/core/queue";
import { classifyError } from "./errors.ts";
import { checkMemoryOptions, type MemoryQueueOptions, type MemorySettings } from "./options.ts";
import { MemorySubscription } from "./subscription.ts";
import { Topic } from "./topic.ts";

/** The driver of queues in this process. */
export type MemoryQueueDriver = QueueDriver &
  QueueSupporting<"browse"> & {
    /** Forgets a group and its place, so that it no longer holds messages back. Its consumers get nothing more. */
    deleteGroup(topic: string, group: string): void;
  };

/**
 * Makes a driver whose queues live in this process: nobody else can see them, and they end with it.
 *
 * @throws OmniError INVALID_ARGUMENT
 */
export function memoryDriver(options: MemoryQueueOptions = {}): MemoryQueueDriver {
  const settings = checkMemoryOptions(options);
  const topics = new Map<string, Topic>();
  const subscriptions = new Set<MemorySubscription>();
  const topicOf = (name: string): Topic => {
    let topic = topics.get(name);
    if (!topic) {
      topic = new Topic(name, settings);
      topics.set(name, topic);
    }
    return topic;
  };

  return {
    name: "memory",
    features: featuresOf(settings),
    classifyError,
    publish: (topic, batch, call) => topicOf(topic).publish(batch, call),
    async subscribe(topic, { group, from, maxInFlight }) {
      const joined = topicOf(topic).join(group, from);
      const subscription = new MemorySubscription(joined, maxInFlight, (closed) => subscriptions.delete(closed));
      subscriptions.add(subscription);
      return subscription;
    },
    browse: (topic, window) => browse(topics.get(topic), window),
    async stats({ topic, group }) {
      const found = topic === undefined ? undefined : topics.get(topic);
      if (topic === undefined) return {};
      return { pending: found ? (backlogIn(found, group) ?? found.ring.size) : 0, stored: found?.ring.size ?? 0 };
    },
    deleteGroup: (topic, group) => topics.get(topic)?.removeGroup(group),
    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
      for (const topic of topics.values()) topic.close();
      topics.clear();
    },
  };
}

function featuresOf(settings: MemorySettings): Partial<QueueDriverFeatures> {
  return {
    ordering: "topic",
    delivery: "at-least-once",
    durable: "process",
    groups: true,
    startFrom: ["earliest", "latest", "time"],
    dedupe: settings.dedupeWindowMs > 0 && { windowMs: settings.dedupeWindowMs },
    delayedNack: true,
    independentNack: true,
    attempts: "group",
    ackDeadlineMs: settings.ackDeadlineMs,
    pipelined: true,
    headers: true,
    capacity: settings.capacity,
    pending: true,
  };
}

function backlogIn(topic: Topic, group: string | undefined): number | undefined {
  return group === undefined ? topic.backlog : topic.backlogOf(group);
}

async function* browse(
  topic: Topic | undefined,
  window: DriverBrowseOptions,
): AsyncGenerator<BrowsedMessage, undefined, undefined> {
  if (!topic) return;
  const { ring } = topic;
  const until = window.until === undefined ? ring.tail : ring.firstSince(window.until);
  const since = window.from === undefined ? ring.head : ring.firstSince(window.from);
  let sequence = window.last === undefined ? since : Math.max(since, until - window.last);
  for (; sequence < until; sequence++) {
    window.signal?.throwIfAborted();
    // What was let go meanwhile is not there any more.
    sequence = Math.max(sequence, ring.head);
    if (sequence >= until) return;
    const { headers, body, key } = ring.at(sequence);
    yield { headers, body, key, timestamp: ring.timeAt(sequence), position: { sequence: String(sequence) } };
  }
}
