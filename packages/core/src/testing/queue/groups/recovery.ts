import type { OmniError } from "../../../error.ts";
import type { QueueProvider } from "../../../queue/provider.ts";
import { isPublishFailure } from "../../../queue/publish-failure.ts";
import { Inbox, Tally } from "../inbox.ts";
import { BROKER, REDELIVERY, SURVIVES_RESTART } from "../needs.ts";
import type { QueueGroup } from "../trial.ts";

/** Publishes under load and keeps what the queue said of each; unknown ones are retried under their id until there is a word. */
async function publishAll(queue: QueueProvider, topic: string, count: number): Promise<string[]> {
  const acked: string[] = [];
  for (let n = 0; n < count; n++) {
    const id = `${topic}-${n}`;
    for (;;) {
      const said = await queue.publish({ topic, id, key: String(n % 7), data: id }, { timeoutMs: 1_500 }).then(
        () => undefined,
        (error: OmniError) => error,
      );
      if (said === undefined) break;
      if (!said.retryable) throw said;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    acked.push(id);
  }
  return acked;
}

/** When the broker, or a consumer, goes away. */
export const recovery: QueueGroup = {
  name: "recovery",
  needs: [],
  cases: [
    {
      name: "consumers that come and go under load lose nothing",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const group = trial.group();
        const handled = new Tally<string>();
        const handler = async (message: { readonly id: string }): Promise<void> => {
          await new Promise((resolve) => setImmediate(resolve));
          handled.add(message.id);
        };
        const queues = [trial.queue, await trial.another(), await trial.another()];
        const stays = await trial.queue.consume(topic, handler, { group, concurrency: 4 });
        const published = publishAll(trial.queue, topic, trial.sizes.messages);
        for (let round = 0; round < 3; round++) {
          const [, second = trial.queue, third = trial.queue] = queues;
          const comers = await Promise.all(
            [second, third].map((queue) => queue.consume(topic, handler, { group, concurrency: 2 })),
          );
          await handled.atLeast(Math.floor(((round + 1) * trial.sizes.messages) / 5));
          // One leaves politely, the other gives its handlers no time.
          await comers[0]?.close();
          await comers[1]?.close({ drainMs: 0 });
        }
        const acked = await published;
        await handled.until((ids) => new Set(ids).size >= acked.length);
        await stays.close();
      },
    },
    {
      name: "a publish whose deadline passes while the broker hangs is unknown, never acked",
      needs: [BROKER],
      run: async (trial) => {
        const { queue, check } = trial;
        const topic = trial.topic();
        await queue.publish({ topic, data: "before" });
        const thaw = await trial.hooks.freeze();
        let error: unknown;
        try {
          error = await check.fails(
            "publish",
            () => queue.publish({ topic, id: `${topic}-1`, data: "x" }, { timeoutMs: 1_000 }),
            "IN_DOUBT",
          );
        } finally {
          await thaw();
        }
        check.ok("it carries its message to retry with", isPublishFailure(error) && error.messages[0]?.id === `${topic}-1`);
        check.same("unknown in stats", (await queue.stats()).unknown, 1);
        const inbox = await Inbox.open(queue, topic, { group: trial.group() });
        await publishAll(queue, topic, 2);
        await inbox.until(() => inbox.ids.includes(`${topic}-1`));
      },
    },
    {
      name: "a publish while disconnected ends soon, and is never lost silently",
      needs: [BROKER],
      run: async (trial) => {
        const { queue, check } = trial;
        const topic = trial.topic();
        const group = trial.group();
        const inbox = await Inbox.open(queue, topic, { group });
        await queue.publish({ topic, id: `${topic}-before`, data: "before" });
        await inbox.take(1);
        const connect = await trial.hooks.disconnect();
        const began = Date.now();
        const said = await queue.publish({ topic, id: `${topic}-0`, data: "x" }, { timeoutMs: 2_000 }).then(
          () => "acked",
          (error: OmniError) => error.outcome ?? error.code,
        );
        check.ok(`it ended after ${Date.now() - began} ms`, Date.now() - began < 5_000);
        check.ok(`what it said: ${said}`, said === "not-applied" || said === "unknown");
        await connect();
        await publishAll(queue, topic, 3);
        await inbox.until(() => [0, 1, 2].every((n) => inbox.ids.includes(`${topic}-${n}`)));
      },
    },
    {
      name: "after the broker's restart publishing and consuming go on",
      needs: [BROKER],
      run: async (trial) => {
        const topic = trial.topic();
        const handled = new Tally<string>();
        await trial.queue.consume(topic, (message) => handled.add(message.id));
        await publishAll(trial.queue, topic, 3);
        await trial.hooks.restartBroker();
        const acked = await publishAll(trial.queue, `${topic}`, 10);
        await handled.until((ids) => acked.every((id) => ids.includes(id)));
        trial.check.same("health", (await trial.queue.health()).status, "up");
      },
    },
    {
      name: "what was acked before the broker's restart is there after it",
      needs: [SURVIVES_RESTART],
      run: async (trial) => {
        const topic = trial.topic();
        const acked = await publishAll(trial.queue, topic, 20);
        await trial.hooks.restartBroker();
        const inbox = await Inbox.open(trial.queue, topic, { group: trial.group(), from: "earliest" });
        await inbox.until(() => acked.every((id) => inbox.ids.includes(id)));
      },
    },
    {
      name: "a broker that is gone makes health say so, and comes back",
      needs: [BROKER],
      run: async (trial) => {
        const { queue, check } = trial;
        await queue.ready();
        const connect = await trial.hooks.disconnect();
        check.same("health while it is gone", (await queue.health({ timeoutMs: 2_000 })).status, "down");
        await connect();
        while ((await queue.health()).status !== "up") await trial.quiet();
      },
    },
    {
      name: "every acked message published over the broker's restart is handled",
      needs: [SURVIVES_RESTART],
      run: async (trial) => {
        const topic = trial.topic();
        const handled = new Tally<string>();
        await trial.queue.consume(topic, (message) => handled.add(message.id), { concurrency: 4 });
        const published = publishAll(trial.queue, topic, Math.min(trial.sizes.messages, 100));
        await handled.atLeast(5);
        await trial.hooks.restartBroker();
        const acked = await published;
        await handled.until((ids) => acked.every((id) => ids.includes(id)));
      },
    },
  ],
};
