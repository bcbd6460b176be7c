import { DEAD_LETTER, fromDeadLetter } from "../../../queue/dead-letter.ts";
import { Inbox, Tally } from "../inbox.ts";
import type { QueueGroup } from "../trial.ts";

const fail = (): never => {
  throw new TypeError("no such customer");
};

/** What becomes of a message that fails too often. */
export const deadLetters: QueueGroup = {
  name: "dead letters",
  needs: [],
  cases: [
    {
      name: "after maxDeliveries it goes to the topic's own dead letter topic, with the failure",
      run: async (trial) => {
        const { queue, check } = trial;
        const topic = trial.topic();
        const group = trial.group();
        const dead = await Inbox.open(queue, `${topic}.dlq`, { group });
        await queue.consume(topic, fail, { group, maxDeliveries: 3, backoff: [1] });
        const { id } = await queue.publish({ topic, key: "k", source: "shop", data: "x", metadata: { a: "ü" } });
        const [letter] = await dead.take(1);
        check.same(
          "the message",
          [letter?.id, letter?.key, letter?.source, letter?.text(), letter?.metadata.a],
          [id, "k", "shop", "x", "ü"],
        );
        check.same(
          "error",
          [letter?.metadata[DEAD_LETTER.errorName], letter?.metadata[DEAD_LETTER.errorMessage]],
          ["TypeError", "no such customer"],
        );
        check.ok("stack", letter?.metadata[DEAD_LETTER.errorStack]?.includes("no such customer") === true);
        check.same("attempts", letter?.metadata[DEAD_LETTER.attempts], "3");
        check.same(
          "origin",
          [letter?.metadata[DEAD_LETTER.originTopic], letter?.metadata[DEAD_LETTER.originGroup]],
          [topic, group],
        );
        // The letter may be here before the broker's word on its publish.
        while ((await queue.stats()).deadLettered === 0) await trial.quiet();
        check.same("in stats", [(await queue.stats()).deadLettered, (await queue.stats()).failed], [1, 3]);
      },
    },
    {
      name: "it does not come again on its own topic",
      run: async (trial) => {
        const topic = trial.topic();
        const dead = await Inbox.open(trial.queue, `${topic}.dlq`);
        const attempts = new Tally<number>();
        const handler = (_: unknown, context: { readonly attempt: number }): never => {
          attempts.add(context.attempt);
          return fail();
        };
        await trial.queue.consume(topic, handler, { maxDeliveries: 2, backoff: [1] });
        await trial.queue.publish({ topic, data: "x" });
        await dead.take(1);
        await trial.quiet();
        trial.check.same("attempts", attempts.items, [1, 2]);
        trial.check.same("dead letters", dead.texts, ["x"]);
      },
    },
    {
      name: "it does not keep those behind it",
      run: async (trial) => {
        const topic = trial.topic();
        const handled = new Tally<string>();
        const handler = (message: { text(): string }): void => {
          if (message.text() === "poison") fail();
          handled.add(message.text());
        };
        await trial.queue.consume(topic, handler, { maxDeliveries: 2, backoff: [1] });
        await trial.queue.publish(["poison", "1", "2"].map((data) => ({ topic, key: "k", data })));
        await handled.atLeast(2);
        trial.check.same("handled", handled.items, ["1", "2"]);
      },
    },
    {
      name: "a dead letter topic of another name",
      run: async (trial) => {
        const topic = trial.topic();
        const deadLetter = trial.topic("graveyard");
        const dead = await Inbox.open(trial.queue, deadLetter);
        await trial.queue.consume(topic, fail, { maxDeliveries: 1, deadLetter });
        await trial.queue.publish({ topic, data: "x" });
        trial.check.same("dead letter", (await dead.take(1))[0]?.text(), "x");
      },
    },
    {
      name: "the dead letter topic may not be the topic itself",
      run: async ({ queue, check, topic }) => {
        const name = topic();
        await check.fails("consume", () => queue.consume(name, fail, { deadLetter: name }), "INVALID_ARGUMENT");
      },
    },
    {
      name: "without one it is dropped and counted",
      run: async (trial) => {
        const topic = trial.topic();
        const handled = new Tally<string>();
        const handler = (message: { text(): string }): void => {
          handled.add(message.text());
          if (message.text() === "poison") fail();
        };
        await trial.queue.consume(topic, handler, { maxDeliveries: 2, backoff: [1], deadLetter: false });
        await trial.queue.publish({ topic, key: "k", data: "poison" });
        await trial.queue.publish({ topic, key: "k", data: "next" });
        await handled.atLeast(3);
        trial.check.same("handled", handled.items, ["poison", "poison", "next"]);
        trial.check.same("dropped", (await trial.queue.stats()).dropped, 1);
      },
    },
    {
      name: "errors that are not worth another try go at once",
      run: async (trial) => {
        const topic = trial.topic();
        const dead = await Inbox.open(trial.queue, `${topic}.dlq`);
        await trial.queue.consume(topic, fail, { backoff: [1], retryIf: (error) => !(error instanceof TypeError) });
        await trial.queue.publish({ topic, data: "x" });
        trial.check.same("attempts", (await dead.take(1))[0]?.metadata[DEAD_LETTER.attempts], "1");
      },
    },
    {
      name: "a dead letter can be published again as it was",
      run: async (trial) => {
        const topic = trial.topic();
        const dead = await Inbox.open(trial.queue, `${topic}.dlq`);
        const handled = new Tally<{ readonly metadata: Readonly<Record<string, string>> }>();
        let broken = true;
        const handler = (message: { readonly metadata: Readonly<Record<string, string>> }): void => {
          if (broken) fail();
          handled.add(message);
        };
        await trial.queue.consume(topic, handler, { maxDeliveries: 1 });
        await trial.queue.publish({ topic, data: "x", metadata: { a: "1" } });
        const [letter] = await dead.take(1);
        broken = false;
        if (letter) await trial.queue.publish({ ...fromDeadLetter(letter), id: `${letter.id}-again` });
        const [message] = await handled.atLeast(1);
        trial.check.same("metadata", { ...message?.metadata }, { a: "1" });
      },
    },
  ],
};
