import { Inbox, Latch, Tally } from "../inbox.ts";
import { ACK_DEADLINE, DELAYED_NACK, REDELIVERY } from "../needs.ts";
import type { QueueGroup, QueueTrial } from "../trial.ts";

/** Handlers, and what their outcome means. */
export const consuming: QueueGroup = {
  name: "consuming",
  needs: [],
  cases: [
    {
      name: "a message is acknowledged after its handler returned, not before",
      run: async (trial) => {
        const { queue, check } = trial;
        const topic = trial.topic();
        const started = new Latch();
        const go = new Latch();
        await queue.consume(topic, async () => {
          started.open();
          await go.opened;
        });
        await queue.publish({ topic, data: "x" });
        await started.opened;
        await trial.quiet();
        check.same("acked while the handler runs", (await queue.stats()).acked, 0);
        check.ok("in flight while the handler runs", (await queue.stats()).inFlight >= 1);
        go.open();
        while ((await queue.stats()).acked === 0) await trial.quiet();
        check.same("in flight after it", (await queue.stats()).inFlight, 0);
      },
    },
    {
      name: "a handler that was interrupted did not acknowledge: another gets the message",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const group = trial.group();
        const started = new Latch();
        const consumer = await trial.queue.consume(
          topic,
          async () => {
            started.open();
            await new Promise(() => undefined);
          },
          { group },
        );
        await trial.queue.publish({ topic, data: "x" });
        await started.opened;
        await consumer.close({ drainMs: 0 });
        const next = await Inbox.open(trial.queue, topic, { group });
        await next.take(1);
        trial.check.same("what the next consumer got", next.texts, ["x"]);
      },
    },
    {
      name: "a handler that throws gets the message again, with the next attempt",
      run: async (trial) => {
        await failsTwice(trial, { data: "x" });
        trial.check.same("failed in stats", (await trial.queue.stats()).failed, 2);
      },
    },
    {
      name: "a message with a key that fails comes again, with the next attempt",
      run: (trial) => failsTwice(trial, { key: "k", data: "x" }),
    },
    {
      name: "the backoff is kept",
      needs: [DELAYED_NACK],
      run: async (trial) => {
        const topic = trial.topic();
        const times = new Tally<number>();
        await trial.queue.consume(
          topic,
          (_, context) => {
            times.add(performance.now());
            if (context.attempt < 2) throw new Error("not yet");
          },
          { backoff: [200] },
        );
        await trial.queue.publish({ topic, data: "x" });
        const [first = 0, second = 0] = await times.atLeast(2);
        trial.check.ok(`the second attempt came after ${Math.round(second - first)} ms of 200`, second - first >= 199);
      },
    },
    {
      name: "never more handlers run than asked for, and so many do",
      run: async (trial) => {
        const topic = trial.topic();
        const go = new Latch();
        const started = new Tally<string>();
        let running = 0;
        let most = 0;
        await trial.queue.consume(
          topic,
          async (message) => {
            running += 1;
            most = Math.max(most, running);
            started.add(message.id);
            await go.opened;
            running -= 1;
          },
          { concurrency: 4 },
        );
        await trial.queue.publish(Array.from({ length: 20 }, (_, n) => ({ topic, data: String(n) })));
        await started.atLeast(4);
        await trial.quiet();
        trial.check.same("handlers that run before one has ended", started.items.length, 4);
        go.open();
        await started.atLeast(20);
        trial.check.same("most at once", most, 4);
      },
    },
    {
      name: "one handler at a time is the default",
      run: async (trial) => {
        const topic = trial.topic();
        const handled = new Tally<string>();
        let running = 0;
        let most = 0;
        await trial.queue.consume(topic, async (message) => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          handled.add(message.id);
        });
        await trial.queue.publish(Array.from({ length: 10 }, (_, n) => ({ topic, data: String(n) })));
        await handled.atLeast(10);
        trial.check.same("most at once", most, 1);
      },
    },
    {
      name: "a handler that takes longer than the deadline keeps its message",
      needs: [ACK_DEADLINE],
      run: async (trial) => {
        const topic = trial.topic();
        const { ackDeadlineMs = 0 } = trial.features;
        const handled = new Tally<number>();
        await trial.queue.consume(topic, async (_, context) => {
          await new Promise((resolve) => setTimeout(resolve, ackDeadlineMs * 2.5));
          handled.add(context.attempt);
        });
        await trial.queue.publish({ topic, data: "x" });
        await handled.atLeast(1);
        await trial.quiet();
        trial.check.same("attempts", handled.items, [1]);
        trial.check.same("acked", (await trial.queue.stats()).acked, 1);
      },
    },
    {
      name: "what is neither settled nor extended in time goes to another, and its ack is refused",
      needs: [ACK_DEADLINE],
      run: async (trial) => {
        const topic = trial.topic();
        const subscription = trial.queue.subscribe(topic, { maxInFlight: 2 });
        await subscription.ready();
        await trial.queue.publish({ topic, data: "x" });
        const first = await subscription.next();
        const second = await subscription.next();
        if (first.done || second.done) throw new Error("the subscription ended");
        trial.check.same("attempts", [first.value.attempt, second.value.attempt], [1, 2]);
        await second.value.ack();
        await trial.check.fails("ack by the first", () => first.value.ack(), "PRECONDITION_FAILED");
      },
    },
    {
      name: "extend begins the deadline anew",
      needs: [ACK_DEADLINE],
      run: async (trial) => {
        const topic = trial.topic();
        const { ackDeadlineMs = 0 } = trial.features;
        const subscription = trial.queue.subscribe(topic, { maxInFlight: 2 });
        await subscription.ready();
        await trial.queue.publish({ topic, data: "x" });
        const step = await subscription.next();
        if (step.done) throw new Error("the subscription ended");
        for (let i = 0; i < 10; i++) {
          await new Promise((resolve) => setTimeout(resolve, ackDeadlineMs / 4));
          await step.value.extend();
        }
        await step.value.ack();
        trial.check.same("acked", (await trial.queue.stats()).acked, 1);
        trial.check.same("consumed", (await trial.queue.stats()).consumed, 1);
      },
    },
    {
      name: "close waits for the handler that runs, and what it did counts",
      run: async (trial) => {
        const topic = trial.topic();
        const started = new Latch();
        const go = new Latch();
        let handled = 0;
        const consumer = await trial.queue.consume(topic, async () => {
          started.open();
          await go.opened;
          handled += 1;
        });
        await trial.queue.publish({ topic, data: "x" });
        await started.opened;
        const closed = consumer.close();
        const early = await Promise.race([closed.then(() => "closed"), trial.quiet().then(() => "waits")]);
        trial.check.same("close while the handler runs", early, "waits");
        go.open();
        await closed;
        trial.check.same("handled", handled, 1);
        trial.check.same("acked", (await trial.queue.stats()).acked, 1);
      },
    },
    {
      name: "past the drain time the handler's signal aborts",
      run: async (trial) => {
        const topic = trial.topic();
        const started = new Latch();
        const consumer = await trial.queue.consume(topic, async (_, context) => {
          started.open();
          await new Promise((_resolve, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason)));
        });
        await trial.queue.publish({ topic, data: "x" });
        await started.opened;
        await consumer.close({ drainMs: 10 });
        trial.check.same("acked", (await trial.queue.stats()).acked, 0);
        trial.check.same("failures that count", (await trial.queue.stats()).failed, 0);
      },
    },
    {
      name: "an abort of the consumer's signal ends it",
      run: async (trial) => {
        const controller = new AbortController();
        const consumer = await trial.queue.consume(trial.topic(), () => undefined, { signal: controller.signal });
        controller.abort();
        await consumer.done;
      },
    },
    {
      name: "middleware is around the handler, the first one outermost",
      run: async (trial) => {
        const topic = trial.topic();
        const steps = new Tally<string>();
        const around = (name: string) => (next: (...args: never[]) => unknown) => async (message: unknown, context: unknown) => {
          steps.add(`${name} in`);
          await next(...([message, context] as never[]));
          steps.add(`${name} out`);
        };
        await trial.queue.consume(topic, () => steps.add("handler"), { middleware: [around("a"), around("b")] });
        await trial.queue.publish({ topic, data: "x" });
        await steps.atLeast(5);
        trial.check.same("steps", steps.items, ["a in", "b in", "handler", "b out", "a out"]);
      },
    },
    {
      name: "many messages from many publishers are each handled, none is lost",
      run: async (trial) => {
        const topic = trial.topic();
        const handled = new Tally<string>();
        await trial.queue.consume(topic, (message) => handled.add(message.text()), { concurrency: 8 });
        const each = Math.ceil(trial.sizes.messages / 4);
        const publisher = async (who: number): Promise<void> => {
          for (let n = 0; n < each; n++) await trial.queue.publish({ topic, data: `${who}/${n}` });
        };
        await Promise.all([0, 1, 2, 3].map(publisher));
        await handled.until((items) => new Set(items).size >= each * 4);
      },
    },
    {
      name: "a handler that is no function is refused",
      run: async ({ queue, check, topic }) => {
        await check.fails("consume", () => queue.consume(topic(), "handler" as never), "INVALID_ARGUMENT");
        await check.fails("concurrency 0", () => queue.consume(topic(), () => undefined, { concurrency: 0 }), "INVALID_ARGUMENT");
        await check.fails(
          "maxDeliveries 0",
          () => queue.consume(topic(), () => undefined, { maxDeliveries: 0 }),
          "INVALID_ARGUMENT",
        );
      },
    },
  ],
};

/** A handler that fails at its first two attempts is tried a third time, and not again. */
async function failsTwice(trial: QueueTrial, message: { readonly key?: string; readonly data: string }): Promise<void> {
  const topic = trial.topic();
  const attempts = new Tally<number>();
  await trial.queue.consume(
    topic,
    (_, context) => {
      attempts.add(context.attempt);
      if (context.attempt < 3) throw new Error("not yet");
    },
    { backoff: [1] },
  );
  await trial.queue.publish({ topic, ...message });
  await attempts.atLeast(3);
  await trial.quiet();
  trial.check.same("attempts", attempts.items, [1, 2, 3]);
}
