import type { QueueProvider } from "../../../queue/provider.ts";
import { Inbox, Latch, takeDelivery } from "../inbox.ts";
import { PENDING, REDELIVERY } from "../needs.ts";
import type { QueueCase, QueueGroup } from "../trial.ts";

/** A call to a closed queue. */
function refuses(name: string, call: (queue: QueueProvider, topic: string) => unknown): QueueCase {
  return {
    name: `${name} on a closed queue is BACKEND_CLOSED`,
    run: async (trial) => {
      await trial.queue.close();
      const error = await trial.check.fails(name, () => call(trial.queue, trial.topic()), "BACKEND_CLOSED");
      trial.check.same("retryable", error.retryable, false);
    },
  };
}

/** Beginning and end. */
export const closing: QueueGroup = {
  name: "beginning and end",
  needs: [],
  cases: [
    refuses("publish", (queue, topic) => queue.publish({ topic, data: "x" })),
    refuses("subscribe", (queue, topic) => queue.subscribe(topic).ready()),
    refuses("consume", (queue, topic) => queue.consume(topic, () => undefined)),
    refuses("ready", (queue) => queue.ready()),
    {
      name: "a second close does nothing",
      run: async ({ queue, check, topic }) => {
        await queue.publish({ topic: topic(), data: "x" });
        await Promise.all([queue.close(), queue.close()]);
        await queue.close();
        await queue[Symbol.asyncDispose]();
        check.same("health", (await queue.health()).status, "down");
      },
    },
    {
      name: "a queue that was never used can be closed",
      run: async ({ queue, check }) => {
        await queue.close();
        check.same("published", (await queue.stats()).published, 0);
      },
    },
    {
      name: "ready connects, and health is up",
      run: async ({ queue, check }) => {
        await queue.ready();
        check.same("health", (await queue.health()).status, "up");
      },
    },
    {
      name: "what is being published when the queue closes is settled",
      run: async (trial) => {
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic, { group: trial.group() }, async () => undefined);
        const pending = Array.from({ length: 50 }, (_, n) => trial.queue.publish({ topic, key: String(n % 5), data: String(n) }));
        const results = Promise.allSettled(pending);
        await trial.queue.close();
        const settled = await results;
        const acked = settled.filter((result) => result.status === "fulfilled").length;
        trial.check.same("settled", settled.length, 50);
        trial.check.same("acked, as they had been handed over before the close", acked, 50);
        trial.check.same("in flight", (await trial.queue.stats()).inFlight, 0);
        await inbox.close();
      },
    },
    {
      name: "close waits for the handler that runs, which may still publish",
      run: async (trial) => {
        const { queue, check } = trial;
        const topic = trial.topic();
        const started = new Latch();
        const go = new Latch();
        const published = new Latch();
        await queue.consume(topic, async () => {
          started.open();
          await go.opened;
          await queue.publish({ topic: `${topic}-results`, data: "done" });
          published.open();
        });
        await queue.publish({ topic, data: "x" });
        await started.opened;
        const closed = queue.close();
        go.open();
        await closed;
        await published.opened;
        check.same("acked and published", [(await queue.stats()).acked, (await queue.stats()).published], [1, 2]);
      },
    },
    {
      name: "close ends subscriptions, and gives back what was not settled",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const subscription = trial.queue.subscribe(topic);
        await subscription.ready();
        await trial.queue.publish({ topic, data: "x" });
        await takeDelivery(subscription);
        const ended = subscription.next();
        await trial.queue.close();
        trial.check.same("the pending next", await ended, { done: true, value: undefined });
        trial.check.same("in flight", (await trial.queue.stats()).inFlight, 0);
      },
    },
    {
      name: "stats count what happened",
      needs: [REDELIVERY],
      run: async (trial) => {
        const { queue, check } = trial;
        const topic = trial.topic();
        const inbox = await Inbox.open(queue, topic, {}, (delivery) => (delivery.attempt === 1 ? delivery.nack() : delivery.ack()));
        await queue.publish(["1", "2"].map((data) => ({ topic, data })));
        await inbox.take(4);
        const { published, consumed, acked, nacked, rejected, unknown, inFlight } = await queue.stats();
        const counted = { published, consumed, acked, nacked, rejected, unknown, inFlight };
        check.same("counters", counted, { published: 2, consumed: 4, acked: 2, nacked: 2, rejected: 0, unknown: 0, inFlight: 0 });
      },
    },
    {
      name: "pending is what the group has not settled",
      needs: [PENDING],
      run: async (trial) => {
        const { queue, check } = trial;
        const topic = trial.topic();
        const group = trial.group();
        const subscription = queue.subscribe(topic, { group, maxInFlight: 1 });
        await subscription.ready();
        await queue.publish(["1", "2", "3"].map((data) => ({ topic, key: "k", data })));
        const delivery = await takeDelivery(subscription);
        // The broker's count may lag behind what it was told.
        const pendingOf = async (expected: number): Promise<number | undefined> => {
          let { pending } = await queue.stats({ topic, group });
          for (let i = 0; i < 20 && pending !== expected; i++) {
            await trial.quiet();
            ({ pending } = await queue.stats({ topic, group }));
          }
          return pending;
        };
        check.same("while one is out", await pendingOf(3), 3);
        await delivery.ack();
        check.same("after one was acknowledged", await pendingOf(2), 2);
      },
    },
    {
      name: "subscriptions that come and go leave nothing behind",
      run: async (trial) => {
        const { queue, check } = trial;
        const topic = trial.topic();
        const group = trial.group();
        const cycle = async (): Promise<void> => {
          const inbox = await Inbox.open(queue, topic, { group });
          await queue.publish({ topic, data: "x" });
          await inbox.take(1);
          await inbox.close();
        };
        for (let i = 0; i < 3; i++) await cycle();
        const before = process.getActiveResourcesInfo().length;
        for (let i = 0; i < 10; i++) await cycle();
        await trial.quiet();
        const after = process.getActiveResourcesInfo().length;
        check.ok(`timers, sockets and handles: ${before} before, ${after} after ten more`, after <= before + 3);
        check.same("in flight", (await queue.stats()).inFlight, 0);
      },
    },
  ],
};
