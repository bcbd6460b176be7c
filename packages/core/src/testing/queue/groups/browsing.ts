import type { Message } from "../../../queue/message.ts";
import type { BrowseOptions, QueueProvider } from "../../../queue/provider.ts";
import { Inbox } from "../inbox.ts";
import { BROWSE } from "../needs.ts";
import type { QueueGroup } from "../trial.ts";

async function browse(queue: QueueProvider, topic: string, options?: BrowseOptions): Promise<Message[]> {
  const found: Message[] = [];
  for await (const message of queue.browse(topic, options)) found.push(message);
  return found;
}

function texts(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text());
}

/** Looking without consuming. */
export const browsing: QueueGroup = {
  name: "browsing",
  needs: [BROWSE],
  cases: [
    {
      name: "gives what is there, in order, with ids, metadata and positions",
      run: async (trial) => {
        const topic = trial.topic();
        const { id } = await trial.queue.publish({ topic, key: "k", data: "1", metadata: { a: "ü" } });
        await trial.queue.publish(["2", "3"].map((data) => ({ topic, key: "k", data })));
        const found = await browse(trial.queue, topic);
        trial.check.same("data", texts(found), ["1", "2", "3"]);
        trial.check.same("id and metadata", [found[0]?.id, { ...found[0]?.metadata }], [id, { a: "ü" }]);
        trial.check.same("messages with a position", found.filter((message) => message.position !== undefined).length, 3);
      },
    },
    {
      name: "ends at what was there, also where nothing was",
      run: async (trial) => trial.check.same("data", texts(await browse(trial.queue, trial.topic())), []),
    },
    {
      name: "gives the last few",
      run: async (trial) => {
        const topic = trial.topic();
        await trial.queue.publish(["1", "2", "3", "4"].map((data) => ({ topic, key: "k", data })));
        trial.check.same("the last two", texts(await browse(trial.queue, topic, { last: 2 })), ["3", "4"]);
      },
    },
    {
      name: "gives a window of time",
      run: async (trial) => {
        const topic = trial.topic();
        await trial.queue.publish({ topic, key: "k", data: "before" });
        await trial.quiet();
        const from = new Date();
        await trial.queue.publish({ topic, key: "k", data: "within" });
        await trial.quiet();
        const until = Date.now();
        await trial.queue.publish({ topic, key: "k", data: "after" });
        trial.check.same("within", texts(await browse(trial.queue, topic, { from, until })), ["within"]);
        trial.check.same("from", texts(await browse(trial.queue, topic, { from })), ["within", "after"]);
        trial.check.same("until", texts(await browse(trial.queue, topic, { until })), ["before", "within"]);
      },
    },
    {
      name: "consumes nothing, and sees what was consumed",
      run: async (trial) => {
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic);
        await trial.queue.publish({ topic, data: "x" });
        await inbox.take(1);
        trial.check.same("first look", texts(await browse(trial.queue, topic)), ["x"]);
        trial.check.same("second look", texts(await browse(trial.queue, topic)), ["x"]);
        trial.check.same("acked", (await trial.queue.stats()).acked, 1);
      },
    },
    {
      name: "can be left at any point",
      run: async (trial) => {
        const topic = trial.topic();
        await trial.queue.publish(["1", "2", "3"].map((data) => ({ topic, key: "k", data })));
        for await (const message of trial.queue.browse(topic)) {
          trial.check.same("the first", message.text(), "1");
          break;
        }
        trial.check.same("all, afterwards", texts(await browse(trial.queue, topic)), ["1", "2", "3"]);
      },
    },
    {
      name: "refuses a number that is none",
      run: async (trial) => {
        await trial.check.fails("last 0", () => browse(trial.queue, trial.topic(), { last: 0 }), "INVALID_ARGUMENT");
        await trial.check.fails("a time", () => browse(trial.queue, trial.topic(), { from: Number.NaN }), "INVALID_ARGUMENT");
      },
    },
  ],
};
