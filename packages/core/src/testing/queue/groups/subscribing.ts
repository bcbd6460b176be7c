import type { Delivery } from "../../../queue/provider.ts";
import { Inbox, takeDeliveries, takeDelivery } from "../inbox.ts";
import { ATTEMPTS, DELAYED_NACK, INDEPENDENT_NACK, REDELIVERY } from "../needs.ts";
import type { QueueGroup } from "../trial.ts";

/** What a subscription brings, and how it is settled. */
export const subscribing: QueueGroup = {
  name: "subscribing",
  needs: [],
  cases: [
    {
      name: "what is acknowledged does not come again",
      run: async (trial) => {
        const topic = trial.topic();
        const group = trial.group();
        const first = await Inbox.open(trial.queue, topic, { group });
        await trial.queue.publish(["1", "2", "3"].map((data) => ({ topic, data })));
        await first.take(3);
        await first.close();
        const second = await Inbox.open(trial.queue, topic, { group });
        await trial.queue.publish({ topic, data: "4" });
        await second.take(1);
        await trial.quiet();
        trial.check.same("what the second consumer got", second.texts, ["4"]);
      },
    },
    {
      name: "a message that waits to be settled does not come again",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const seen: Delivery[] = [];
        const inbox = await Inbox.open(trial.queue, topic, {}, async (delivery) => seen.push(delivery));
        await trial.queue.publish({ topic, data: "x" });
        await inbox.take(1);
        await trial.quiet();
        trial.check.same("deliveries", inbox.texts, ["x"]);
        await seen[0]?.ack();
      },
    },
    {
      name: "the first delivery is attempt 1 and not settled",
      run: async (trial) => {
        const topic = trial.topic();
        const subscription = trial.queue.subscribe(topic);
        await subscription.ready();
        await trial.queue.publish({ topic, data: "x" });
        const delivery = await takeDelivery(subscription);
        trial.check.same("attempt and state", [delivery.attempt, delivery.settled], [1, undefined]);
        trial.check.same("aborted", delivery.signal.aborted, false);
        await delivery.ack();
        trial.check.same("state after ack", delivery.settled, "acked");
      },
    },
    {
      name: "nack brings the message again, with the next attempt",
      needs: [REDELIVERY, ATTEMPTS],
      run: async (trial) => {
        const topic = trial.topic();
        const attempts: number[] = [];
        const inbox = await Inbox.open(trial.queue, topic, {}, (delivery) => {
          attempts.push(delivery.attempt);
          return delivery.attempt < 3 ? delivery.nack() : delivery.ack();
        });
        const { id } = await trial.queue.publish({ topic, data: "x" });
        await inbox.take(3);
        trial.check.same("ids", inbox.ids, [id, id, id]);
        trial.check.same("attempts", attempts, [1, 2, 3]);
      },
    },
    {
      name: "nack with a delay brings it again not before the delay is over",
      needs: [DELAYED_NACK],
      run: async (trial) => {
        const topic = trial.topic();
        const subscription = trial.queue.subscribe(topic);
        await subscription.ready();
        await trial.queue.publish({ topic, data: "x" });
        const first = await takeDelivery(subscription);
        const given = performance.now();
        await first.nack({ delayMs: 250 });
        const second = await takeDelivery(subscription);
        const waited = performance.now() - given;
        // Timers count whole milliseconds.
        trial.check.ok(`it came after ${Math.round(waited)} ms of 250`, waited >= 249);
        await second.ack();
      },
    },
    {
      name: "a delayed message keeps no other back",
      needs: [INDEPENDENT_NACK],
      run: async (trial) => {
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic, {}, (delivery) =>
          delivery.message.key === "slow" ? delivery.nack({ delayMs: 60_000 }) : delivery.ack(),
        );
        await trial.queue.publish({ topic, key: "slow", data: "slow" });
        await inbox.take(1);
        await trial.queue.publish(["a", "b", "c", "d", "e", "f"].map((key) => ({ topic, key, data: key })));
        await inbox.take(7);
        trial.check.same("what came", [...inbox.texts].sort(), ["a", "b", "c", "d", "e", "f", "slow"]);
      },
    },
    {
      name: "term ends the message",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic, {}, (delivery) => delivery.term("not for us"));
        await trial.queue.publish({ topic, data: "x" });
        await inbox.take(1);
        await trial.quiet();
        trial.check.same("deliveries", inbox.texts, ["x"]);
      },
    },
    {
      name: "the first settle wins",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const states: unknown[] = [];
        const inbox = await Inbox.open(trial.queue, topic, {}, async (delivery) => {
          await delivery.ack();
          await delivery.nack();
          await delivery.term();
          await delivery.ack();
          states.push(delivery.settled);
        });
        await trial.queue.publish({ topic, data: "x" });
        await inbox.take(1);
        await trial.quiet();
        trial.check.same("states, one per delivery", states, ["acked"]);
        trial.check.same("acked in stats", (await trial.queue.stats()).acked, 1);
      },
    },
    {
      name: "a negative delay is refused and settles nothing",
      run: async (trial) => {
        const topic = trial.topic();
        const subscription = trial.queue.subscribe(topic);
        await subscription.ready();
        await trial.queue.publish({ topic, data: "x" });
        const delivery = await takeDelivery(subscription);
        await trial.check.fails("nack", () => delivery.nack({ delayMs: -1 }), "INVALID_ARGUMENT");
        trial.check.same("state", delivery.settled, undefined);
        await delivery.ack();
      },
    },
    {
      name: "leaving the loop gives back what was not settled",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const group = trial.group();
        const subscription = trial.queue.subscribe(topic, { group });
        await subscription.ready();
        await trial.queue.publish({ topic, data: "x" });
        let left: Delivery | undefined;
        for await (const delivery of subscription) {
          left = delivery;
          break;
        }
        const next = await Inbox.open(trial.queue, topic, { group });
        await next.take(1);
        trial.check.same("what the next consumer got", next.texts, ["x"]);
        await trial.check.fails("ack of what was given back", () => left?.ack(), "PRECONDITION_FAILED");
      },
    },
    {
      name: "closing ends the iteration, and the signal of what is out",
      run: async (trial) => {
        const topic = trial.topic();
        const subscription = trial.queue.subscribe(topic);
        await subscription.ready();
        await trial.queue.publish({ topic, data: "x" });
        const delivery = await takeDelivery(subscription);
        const { signal } = delivery;
        const ended = subscription.next();
        // So that it is the driver's that is pending.
        await trial.quiet();
        await subscription.close();
        trial.check.same("the pending next", await ended, { done: true, value: undefined });
        trial.check.same("aborted", signal.aborted, true);
        await subscription.close();
      },
    },
    {
      name: "an abort of the subscription's signal ends it",
      run: async (trial) => {
        const controller = new AbortController();
        const subscription = trial.queue.subscribe(trial.topic(), { signal: controller.signal });
        await subscription.ready();
        const ended = subscription.next();
        controller.abort();
        trial.check.same("the pending next", await ended, { done: true, value: undefined });
      },
    },
    {
      name: "never more deliveries are out than asked for",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const subscription = trial.queue.subscribe(topic, { maxInFlight: 3 });
        await subscription.ready();
        await trial.queue.publish(Array.from({ length: 10 }, (_, n) => ({ topic, data: String(n) })));
        const out = [...(await takeDeliveries(subscription, 3))];
        const fourth = subscription.next();
        const early = await Promise.race([fourth.then(() => "came"), trial.quiet().then(() => "held back")]);
        trial.check.same("the fourth while three are out", early, "held back");
        await out.shift()?.ack();
        const step = await fourth;
        if (!step.done) out.push(step.value);
        for (const delivery of out) await delivery.ack();
        for (const delivery of await takeDeliveries(subscription, 3)) await delivery.ack();
        for (const delivery of await takeDeliveries(subscription, 3)) await delivery.ack();
        trial.check.same("acked in all", (await trial.queue.stats()).acked, 10);
      },
    },
    {
      name: "a wrong number of deliveries in flight is refused",
      run: async ({ queue, check, topic }) => {
        for (const maxInFlight of [0, -1, 1.5]) {
          await check.fails(`maxInFlight ${maxInFlight}`, () => queue.subscribe(topic(), { maxInFlight }), "INVALID_ARGUMENT");
        }
      },
    },
    {
      name: "a wrong group is refused",
      run: async ({ queue, check, topic }) => {
        for (const group of ["", "a b", "a\n"]) {
          await check.fails(`group ${JSON.stringify(group)}`, () => queue.subscribe(topic(), { group }), "INVALID_ARGUMENT");
        }
      },
    },
    {
      name: "a wrong start is refused",
      run: async ({ queue, check, topic }) => {
        const from = "yesterday" as "latest";
        await check.fails("from", () => queue.subscribe(topic(), { from }), "INVALID_ARGUMENT");
      },
    },
  ],
};
