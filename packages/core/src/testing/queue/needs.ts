import { Inbox, takeDelivery } from "./inbox.ts";
import type { QueueNeed, QueueTrial } from "./trial.ts";

/** What is not acknowledged comes again. */
export const REDELIVERY: QueueNeed = {
  label: "redelivery",
  declared: (features) => features.delivery === "at-least-once",
  absent: async (trial) => {
    const topic = trial.topic();
    const inbox = await Inbox.open(trial.queue, topic, {}, (delivery) => delivery.nack());
    await trial.queue.publish({ topic, data: "once" });
    await inbox.take(1);
    await trial.quiet();
    trial.check.same("deliveries of a message that was nacked", inbox.texts, ["once"]);
  },
};

/** A new group sees what was published before it. */
export const EARLIEST: QueueNeed = {
  label: "reading from the start",
  declared: (features) => features.startFrom.includes("earliest"),
  absent: (trial) => refusesStart(trial, "earliest"),
};

export const LATEST: QueueNeed = {
  label: "reading from now",
  declared: (features) => features.startFrom.includes("latest"),
  absent: (trial) => refusesStart(trial, "latest"),
};

export const FROM_TIME: QueueNeed = {
  label: "reading from a time",
  declared: (features) => features.startFrom.includes("time"),
  absent: (trial) => refusesStart(trial, new Date()),
};

async function refusesStart({ queue, check, topic }: QueueTrial, from: "earliest" | "latest" | Date): Promise<void> {
  await check.fails("the subscription", async () => queue.subscribe(topic(), { from }).ready(), "NOT_SUPPORTED");
}

/** Named groups. */
export const NAMED_GROUPS: QueueNeed = {
  label: "groups",
  declared: (features) => features.groups,
  absent: async ({ queue, check, topic }) => {
    await check.fails("a group", async () => queue.subscribe(topic(), { group: "named" }).ready(), "NOT_SUPPORTED");
  },
};

/** `nack` keeps the message back. */
export const DELAYED_NACK: QueueNeed = {
  label: "delayed redelivery",
  declared: (features) => features.delayedNack && REDELIVERY.declared(features),
  absent: async (trial) => {
    if (!REDELIVERY.declared(trial.features)) return REDELIVERY.absent(trial);
    const topic = trial.topic();
    const subscription = trial.queue.subscribe(topic);
    await subscription.ready();
    await trial.queue.publish({ topic, data: "x" });
    await (await takeDelivery(subscription)).nack({ delayMs: 1 });
    trial.check.same("the message that came again", (await takeDelivery(subscription)).message.text(), "x");
  },
};

/** A message that waits does not keep others back. */
export const INDEPENDENT_NACK: QueueNeed = {
  label: "redelivery that keeps nobody back",
  declared: (features) => features.independentNack && DELAYED_NACK.declared(features),
  absent: (trial) => (DELAYED_NACK.declared(trial.features) ? Promise.resolve() : DELAYED_NACK.absent(trial)),
};

/** The broker counts deliveries. */
export const ATTEMPTS: QueueNeed = {
  label: "counted attempts",
  declared: (features) => features.attempts !== false && REDELIVERY.declared(features),
  absent: async (trial) => {
    if (!REDELIVERY.declared(trial.features)) return REDELIVERY.absent(trial);
    const topic = trial.topic();
    const subscription = trial.queue.subscribe(topic);
    await subscription.ready();
    await trial.queue.publish({ topic, data: "x" });
    trial.check.same("attempt", (await takeDelivery(subscription)).attempt, 1);
  },
};

/** The broker takes back what is not acknowledged in time. */
export const ACK_DEADLINE: QueueNeed = {
  label: "an acknowledgement deadline",
  declared: (features) => features.ackDeadlineMs !== undefined && REDELIVERY.declared(features),
  absent: async (trial) => {
    const topic = trial.topic();
    const subscription = trial.queue.subscribe(topic);
    await subscription.ready();
    await trial.queue.publish({ topic, data: "x" });
    const delivery = await takeDelivery(subscription);
    await trial.quiet();
    await delivery.extend();
    await delivery.ack();
    trial.check.same("settled", delivery.settled, "acked");
  },
};

/** Of one key, in publish order. */
export const KEY_ORDER: QueueNeed = {
  label: "order",
  declared: (features) => features.ordering !== "none",
  absent: async (trial) => {
    const topic = trial.topic();
    const inbox = await Inbox.open(trial.queue, topic);
    await trial.queue.publish([1, 2, 3].map((n) => ({ topic, key: "k", data: String(n) })));
    await inbox.take(3);
    trial.check.same("what came, in any order", [...inbox.texts].sort(), ["1", "2", "3"]);
  },
};

/** The broker drops a second message of one id. */
export const BROKER_DEDUPE: QueueNeed = {
  label: "dedupe by the broker",
  declared: (features) => features.dedupe !== false,
  absent: async (trial) => {
    const topic = trial.topic();
    const inbox = await Inbox.open(trial.queue, topic);
    const { id } = await trial.queue.publish({ topic, data: "x" });
    const again = await trial.queue.publish({ topic, id, data: "x" });
    trial.check.same("state of the second publish", again.state, "acked");
    await inbox.take(2);
    trial.check.same("ids that came", inbox.ids, [id, id]);
  },
};

/** A largest message. */
export const SIZE_LIMIT: QueueNeed = {
  label: "a largest message",
  declared: (features) => features.maxBytes !== undefined,
  absent: async (trial) => {
    const topic = trial.topic();
    const inbox = await Inbox.open(trial.queue, topic);
    const data = new Uint8Array(2 * 1024 * 1024).fill(7);
    await trial.queue.publish({ topic, data });
    trial.check.bytes("2 MiB", (await inbox.take(1))[0]?.data ?? new Uint8Array(), data);
  },
};

/** A bounded queue. */
export const CAPACITY: QueueNeed = {
  label: "a capacity",
  declared: (features) => features.capacity !== undefined,
  absent: async (trial) => {
    const topic = trial.topic();
    const results = await trial.queue.publish(Array.from({ length: 1_100 }, (_, n) => ({ topic, data: String(n) })));
    trial.check.same("messages taken without a consumer", results.filter((result) => result.state === "acked").length, 1_100);
  },
};

/** `stats().pending`. */
export const PENDING: QueueNeed = {
  label: "the number of pending messages",
  declared: (features) => features.pending,
  absent: async ({ queue, check, topic }) => {
    check.same("pending, which is not known", (await queue.stats({ topic: topic() })).pending, undefined);
  },
};

export const BROWSE: QueueNeed = {
  label: "browsing",
  declared: (features) => features.browse,
  absent: async ({ queue, check, topic }) => {
    await check.fails("browse", async () => queue.browse(topic())[Symbol.asyncIterator]().next(), "NOT_SUPPORTED");
    check.same("supports", queue.supports("browse"), false);
  },
};

/** A broker beside this process, which can be stopped. What lives in this process cannot be: there is nothing to prove. */
export const BROKER: QueueNeed = {
  label: "a broker of its own",
  declared: (features) => features.durable !== "process",
  absent: async ({ queue, check }) => {
    check.same("health of a queue in this process", (await queue.health()).status, "up");
  },
};

/** A broker that keeps what it acknowledged when it restarts. */
export const SURVIVES_RESTART: QueueNeed = {
  label: "messages that outlive the broker's restart",
  declared: (features) => features.durable === "host" || features.durable === "store",
  absent: BROKER.absent,
};
