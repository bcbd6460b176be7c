import type { MessageInput } from "../../../queue/message.ts";
import { Inbox } from "../inbox.ts";
import type { QueueCase, QueueGroup } from "../trial.ts";

/** A message that is refused before anything is sent. */
function refuses(what: string, input: unknown): QueueCase {
  return {
    name: `${what} is INVALID_ARGUMENT`,
    run: async ({ queue, check, topic }) => {
      const given = typeof input === "object" && input !== null ? { topic: topic(), ...input } : input;
      const error = await check.fails("publish", () => queue.publish(given as MessageInput), "INVALID_ARGUMENT");
      check.same("what the error says of the effect", error.outcome, "not-applied");
      check.same("published", (await queue.stats()).published, 0);
    },
  };
}

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** What `publish` takes, and what it says. */
export const publishing: QueueGroup = {
  name: "publishing",
  needs: [],
  cases: [
    {
      name: "a message that the broker holds is acked, under its topic",
      run: async ({ queue, check, topic }) => {
        const name = topic();
        const result = await queue.publish({ topic: name, data: "x" });
        check.same("state", result.state, "acked");
        check.same("topic", result.topic, name);
        check.same("the message's id", result.message.id, result.id);
      },
    },
    {
      name: "ids are UUIDv7 and ascend",
      run: async ({ queue, check, topic }) => {
        const name = topic();
        const ids = (await queue.publish([1, 2, 3, 4].map((n) => ({ topic: name, data: String(n) })))).map((result) => result.id);
        check.same(
          "ids that are no UUIDv7",
          ids.filter((id) => !UUID7.test(id)),
          [],
        );
        check.same("order", ids, [...ids].sort());
      },
    },
    {
      name: "an id that is given is kept",
      run: async ({ queue, check, topic }) => {
        check.same("id", (await queue.publish({ topic: topic(), id: "order 4711/ä", data: "x" })).id, "order 4711/ä");
      },
    },
    {
      name: "the topic of the options is used where a message names none",
      run: async (trial) => {
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic);
        await trial.queue.publish({ data: "x" }, { topic });
        await inbox.take(1);
        trial.check.same("what came", inbox.texts, ["x"]);
      },
    },
    {
      name: "many are published in order, and give their results in order",
      run: async (trial) => {
        const topic = trial.topic();
        const ids = Array.from({ length: 25 }, (_, n) => `${topic}-${n}`);
        const results = await trial.queue.publish(ids.map((id) => ({ topic, id, data: id })));
        trial.check.same(
          "ids",
          results.map((result) => result.id),
          ids,
        );
        trial.check.same("states", [...new Set(results.map((result) => result.state))], ["acked"]);
      },
    },
    {
      name: "an empty list is nothing to publish",
      run: async ({ queue, check }) => check.same("results", await queue.publish([]), []),
    },
    {
      name: "one bad message of many refuses them all before any is sent",
      run: async (trial) => {
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic);
        const bad = { topic, data: 5 } as unknown as MessageInput;
        await trial.check.fails("publish", () => trial.queue.publish([{ topic, data: "good" }, bad]), "INVALID_ARGUMENT");
        await trial.quiet();
        trial.check.same("what came", inbox.texts, []);
      },
    },
    refuses("a message that is none", "text"),
    refuses("a message without a topic", { topic: undefined }),
    refuses("an empty topic", { topic: "" }),
    refuses("a topic with a line break", { topic: "a\nb" }),
    refuses("an empty id", { id: "" }),
    refuses("data that is null", { data: null }),
    refuses("data that is an object", { data: { a: 1 } }),
    refuses("metadata that is no text", { metadata: { a: 1 } }),
    refuses("a time that is no whole number", { timestamp: 1.5 }),
    {
      name: "concurrent publishers on many topics lose nothing and mix nothing up",
      run: async (trial) => {
        const { queue, check, sizes } = trial;
        const topics = ["a", "b", "c", "d"].map((name) => trial.topic(name));
        const each = Math.max(5, Math.floor(sizes.messages / 8));
        const inboxes = await Promise.all(topics.map((topic) => Inbox.open(queue, topic)));
        const publisher = async (topic: string, who: number): Promise<void> => {
          for (let n = 0; n < each; n++) await queue.publish({ topic, data: `${topic}/${who}/${n}` });
        };
        await Promise.all(topics.flatMap((topic) => [publisher(topic, 0), publisher(topic, 1)]));
        for (const [i, inbox] of inboxes.entries()) {
          await inbox.take(each * 2);
          const wanted = [0, 1].flatMap((who) => Array.from({ length: each }, (_, n) => `${topics[i]}/${who}/${n}`));
          check.same(`what came on topic ${i}`, [...inbox.texts].sort(), wanted.sort());
        }
      },
    },
    {
      name: "an aborted signal rejects with its reason, and nothing is published",
      run: async (trial) => {
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic);
        const reason = new Error("enough");
        const publish = (): Promise<unknown> => trial.queue.publish({ topic, data: "x" }, { signal: AbortSignal.abort(reason) });
        await trial.check.rejectsWith("publish", publish, reason);
        await trial.quiet();
        trial.check.same("what came", inbox.texts, []);
      },
    },
    {
      name: "a deadline that is no time is refused",
      run: async ({ queue, check, topic }) => {
        await check.fails("publish", () => queue.publish({ topic: topic(), data: "x" }, { timeoutMs: -1 }), "INVALID_ARGUMENT");
      },
    },
  ],
};
