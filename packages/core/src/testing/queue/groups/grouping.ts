import { Inbox } from "../inbox.ts";
import { EARLIEST, FROM_TIME, LATEST, NAMED_GROUPS, REDELIVERY } from "../needs.ts";
import type { QueueGroup } from "../trial.ts";

/** Groups of consumers. */
export const grouping: QueueGroup = {
  name: "groups",
  needs: [],
  cases: [
    {
      name: "each group sees every message",
      needs: [NAMED_GROUPS],
      run: async (trial) => {
        const topic = trial.topic();
        const inboxes = await Promise.all(
          ["a", "b", "c"].map((name) => Inbox.open(trial.queue, topic, { group: trial.group(name) })),
        );
        await trial.queue.publish(["1", "2", "3"].map((data) => ({ topic, data })));
        for (const inbox of inboxes) {
          await inbox.take(3);
          trial.check.same("what the group got", [...inbox.texts].sort(), ["1", "2", "3"]);
        }
      },
    },
    {
      name: "the consumers of one group share the messages",
      needs: [REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const group = trial.group();
        const other = await trial.another();
        const got: string[] = [];
        let wake = (): void => undefined;
        const settle = async (delivery: { message: { text(): string }; ack(): Promise<void> }): Promise<void> => {
          await delivery.ack();
          got.push(delivery.message.text());
          wake();
        };
        for (const queue of [trial.queue, other]) await Inbox.open(queue, topic, { group }, settle);
        const count = Math.min(60, trial.sizes.messages);
        await trial.queue.publish(Array.from({ length: count }, (_, n) => ({ topic, key: String(n), data: String(n) })));
        while (got.length < count) await new Promise<void>((resolve) => (wake = resolve));
        await trial.quiet();
        trial.check.same("what came in all", [...got].sort(), Array.from({ length: count }, (_, n) => String(n)).sort());
      },
    },
    {
      name: "a new group sees what was published before it",
      needs: [EARLIEST],
      run: async (trial) => {
        const topic = trial.topic();
        await trial.queue.publish(["1", "2", "3"].map((data) => ({ topic, key: "k", data })));
        const inbox = await Inbox.open(trial.queue, topic, { group: trial.group(), from: "earliest" });
        await inbox.take(3);
        trial.check.same("what the new group got", inbox.texts, ["1", "2", "3"]);
      },
    },
    {
      name: "a new group may start with what is published from now on",
      needs: [LATEST],
      run: async (trial) => {
        const topic = trial.topic();
        await trial.queue.publish({ topic, data: "before" });
        const inbox = await Inbox.open(trial.queue, topic, { group: trial.group(), from: "latest" });
        await trial.queue.publish({ topic, data: "after" });
        await inbox.take(1);
        await trial.quiet();
        trial.check.same("what the new group got", inbox.texts, ["after"]);
      },
    },
    {
      name: "a new group may start at a time",
      needs: [FROM_TIME],
      run: async (trial) => {
        const topic = trial.topic();
        await trial.queue.publish({ topic, data: "before" });
        await trial.quiet();
        const now = new Date();
        await trial.queue.publish({ topic, data: "after" });
        const inbox = await Inbox.open(trial.queue, topic, { group: trial.group(), from: now });
        await inbox.take(1);
        await trial.quiet();
        trial.check.same("what the new group got", inbox.texts, ["after"]);
      },
    },
    {
      name: "a known group goes on where it was",
      needs: [EARLIEST, REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const group = trial.group();
        const first = await Inbox.open(trial.queue, topic, { group });
        await trial.queue.publish({ topic, data: "1" });
        await first.take(1);
        await first.close();
        await trial.queue.publish({ topic, data: "2" });
        const second = await Inbox.open(await trial.another(), topic, { group });
        await second.take(1);
        await trial.quiet();
        trial.check.same("what the second consumer got", second.texts, ["2"]);
      },
    },
    {
      name: "another group is not touched by what one settles",
      needs: [NAMED_GROUPS, EARLIEST],
      run: async (trial) => {
        const topic = trial.topic();
        const first = await Inbox.open(trial.queue, topic, { group: trial.group() }, (delivery) => delivery.term("mine"));
        await trial.queue.publish({ topic, data: "x" });
        await first.take(1);
        const second = await Inbox.open(trial.queue, topic, { group: trial.group(), from: "earliest" });
        await second.take(1);
        trial.check.same("what the other group got", second.texts, ["x"]);
      },
    },
  ],
};
