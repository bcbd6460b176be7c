import { Inbox, Tally } from "../inbox.ts";
import { KEY_ORDER } from "../needs.ts";
import type { QueueGroup, QueueTrial } from "../trial.ts";

const KEYS = ["a", "b", "c", "d", "e"];

/** What came of one key, in the order in which it came. */
function numbersOf(trial: { texts: readonly string[] }, key: string): number[] {
  return trial.texts.filter((text) => text.startsWith(`${key}:`)).map((text) => Number(text.slice(key.length + 1)));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

async function inOrder(trial: QueueTrial, each: number, publish: (topic: string, each: number) => Promise<unknown>): Promise<void> {
  const topic = trial.topic();
  const inbox = await Inbox.open(trial.queue, topic, { maxInFlight: 64 });
  await publish(topic, each);
  await inbox.take(each * KEYS.length);
  for (const key of KEYS) trial.check.same(`numbers of key ${key}`, numbersOf(inbox, key), upTo(each));
}

/** Messages of one key keep their order. */
export const ordering: QueueGroup = {
  name: "order",
  needs: [KEY_ORDER],
  cases: [
    {
      name: "messages published one after the other come in order per key",
      run: (trial) =>
        inOrder(trial, 10, async (topic, each) => {
          for (let n = 0; n < each; n++) for (const key of KEYS) await trial.queue.publish({ topic, key, data: `${key}:${n}` });
        }),
    },
    {
      name: "messages published at the same time come in the order of the calls per key",
      run: (trial) =>
        inOrder(trial, Math.floor(trial.sizes.messages / KEYS.length), async (topic, each) => {
          const pending: Promise<unknown>[] = [];
          for (let n = 0; n < each; n++)
            for (const key of KEYS) pending.push(trial.queue.publish({ topic, key, data: `${key}:${n}` }));
          await Promise.all(pending);
        }),
    },
    {
      name: "messages of one list come in its order per key",
      run: (trial) =>
        inOrder(trial, Math.floor(trial.sizes.messages / KEYS.length), (topic, each) =>
          trial.queue.publish(upTo(each).flatMap((n) => KEYS.map((key) => ({ topic, key, data: `${key}:${n}` })))),
        ),
    },
    {
      name: "lists and single messages of one key keep the order of the calls",
      run: (trial) =>
        inOrder(trial, 9, async (topic, each) => {
          const pending: Promise<unknown>[] = [];
          for (const key of KEYS) {
            for (let n = 0; n < each; n += 3) {
              pending.push(trial.queue.publish({ topic, key, data: `${key}:${n}` }));
              pending.push(trial.queue.publish([n + 1, n + 2].map((m) => ({ topic, key, data: `${key}:${m}` }))));
            }
          }
          await Promise.all(pending);
        }),
    },
    {
      name: "handlers that run at once keep the order per key",
      run: async (trial) => {
        const topic = trial.topic();
        const each = Math.floor(trial.sizes.messages / KEYS.length);
        const handled = new Tally<string>();
        const running = new Map<string, number>();
        let overlaps = 0;
        await trial.queue.consume(
          topic,
          async (message) => {
            const key = message.key ?? "";
            running.set(key, (running.get(key) ?? 0) + 1);
            if ((running.get(key) ?? 0) > 1) overlaps += 1;
            await new Promise((resolve) => setImmediate(resolve));
            running.set(key, (running.get(key) ?? 0) - 1);
            handled.add(message.text());
          },
          { concurrency: 8 },
        );
        await trial.queue.publish(upTo(each).flatMap((n) => KEYS.map((key) => ({ topic, key, data: `${key}:${n}` }))));
        await handled.atLeast(each * KEYS.length);
        for (const key of KEYS) trial.check.same(`numbers of key ${key}`, numbersOf({ texts: handled.items }, key), upTo(each));
        trial.check.same("handlers of one key that ran at the same time", overlaps, 0);
      },
    },
    {
      name: "a message that fails keeps its key waiting, and no other",
      run: async (trial) => {
        const topic = trial.topic();
        const handled = new Tally<string>();
        await trial.queue.consume(
          topic,
          (message, context) => {
            if (message.text() === "a:0" && context.attempt < 3) throw new Error("not yet");
            handled.add(message.text());
          },
          { concurrency: 4, backoff: [100] },
        );
        await trial.queue.publish(["a:0", "a:1", "b:0", "a:2", "b:1"].map((data) => ({ topic, key: data.slice(0, 1), data })));
        await handled.atLeast(5);
        trial.check.same("numbers of key a", numbersOf({ texts: handled.items }, "a"), [0, 1, 2]);
        trial.check.same("numbers of key b", numbersOf({ texts: handled.items }, "b"), [0, 1]);
        trial.check.ok("b did not wait for a", handled.items.indexOf("b:0") < handled.items.indexOf("a:0"));
      },
    },
  ],
};
