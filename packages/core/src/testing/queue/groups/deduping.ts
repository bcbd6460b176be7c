import { memoryDedupe } from "../../../queue/dedupe-memory.ts";
import { Inbox, Latch, Tally } from "../inbox.ts";
import { BROKER_DEDUPE } from "../needs.ts";
import type { QueueGroup } from "../trial.ts";

/** One id, handled once. */
export const deduping: QueueGroup = {
  name: "dedupe",
  needs: [],
  cases: [
    {
      name: "the broker drops a second message of one id and says so",
      needs: [BROKER_DEDUPE],
      run: async (trial) => {
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic);
        await trial.queue.publish({ topic, id: "one", data: "x" });
        const again = await trial.queue.publish({ topic, id: "one", data: "x" });
        trial.check.same("state of the second", again.state, "duplicate");
        await trial.queue.publish({ topic, id: "two", data: "y" });
        await inbox.take(2);
        await trial.quiet();
        trial.check.same("what came", inbox.texts, ["x", "y"]);
        trial.check.same("duplicates in stats", (await trial.queue.stats()).duplicates, 1);
      },
    },
    {
      name: "one id on two topics is two messages",
      run: async (trial) => {
        const [a, b] = [trial.topic("a"), trial.topic("b")];
        const inboxes = [await Inbox.open(trial.queue, a), await Inbox.open(trial.queue, b)];
        const states = [
          await trial.queue.publish({ topic: a, id: "one", data: "a" }),
          await trial.queue.publish({ topic: b, id: "one", data: "b" }),
        ];
        trial.check.same(
          "states",
          states.map((result) => result.state),
          ["acked", "acked"],
        );
        for (const inbox of inboxes) await inbox.take(1);
        trial.check.same(
          "what came",
          inboxes.map((inbox) => inbox.texts),
          [["a"], ["b"]],
        );
      },
    },
    {
      name: "a consumer with dedupe handles each id once",
      run: async (trial) => {
        const topic = trial.topic();
        const handled = new Tally<string>();
        const dedupe = memoryDedupe();
        await trial.queue.consume(topic, (message) => handled.add(message.id), { dedupe, concurrency: 4 });
        for (const id of ["a", "a", "b", "a", "b", "c"]) await trial.queue.publish({ topic, id: `${topic}-${id}`, data: id });
        await handled.until((ids) => ids.includes(`${topic}-c`));
        await trial.quiet();
        trial.check.same(
          "handled",
          [...handled.items].sort(),
          ["a", "b", "c"].map((id) => `${topic}-${id}`),
        );
        const { suppressed, duplicates } = await trial.queue.stats();
        trial.check.same("copies kept away, by the broker or here", suppressed + duplicates, 3);
      },
    },
    {
      name: "a copy that comes while the first is handled waits for it",
      run: async (trial) => {
        const topic = trial.topic();
        const dedupe = memoryDedupe();
        const started = new Latch();
        const go = new Latch();
        let handled = 0;
        const handler = async (): Promise<void> => {
          handled += 1;
          started.open();
          await go.opened;
        };
        await trial.queue.consume(topic, handler, { dedupe, concurrency: 2 });
        await trial.queue.publish({ topic, id: `${topic}-1`, data: "x" });
        await started.opened;
        const second = await trial.queue.publish({ topic, id: `${topic}-1`, data: "x" });
        await trial.quiet();
        trial.check.same("handlers that began", handled, 1);
        go.open();
        const isKeptAway = async (): Promise<boolean> => (await trial.queue.stats()).suppressed > 0;
        for (let looks = 0; second.state === "acked" && !(await isKeptAway()); looks++) {
          trial.check.ok("the copy came, and was kept away", looks < 100);
          await trial.quiet();
        }
        trial.check.same("handlers that began in all", handled, 1);
        trial.check.same("failed", (await trial.queue.stats()).failed, 0);
      },
    },
    {
      name: "a message whose handler failed is not remembered as handled",
      run: async (trial) => {
        const topic = trial.topic();
        const attempts = new Tally<number>();
        const handler = (_: unknown, context: { readonly attempt: number }): void => {
          attempts.add(context.attempt);
          if (context.attempt === 1) throw new Error("not yet");
        };
        await trial.queue.consume(topic, handler, { dedupe: memoryDedupe(), backoff: [1] });
        await trial.queue.publish({ topic, data: "x" });
        await attempts.atLeast(2);
        trial.check.same("attempts", attempts.items, [1, 2]);
      },
    },
    {
      name: "a store that remembers for too few or for too short is refused",
      run: async ({ queue, check, topic }) => {
        const store = memoryDedupe({ windowMs: 1_000 });
        const consume = (dedupe: object) => () => queue.consume(topic(), () => undefined, { dedupe: { store, ...dedupe } });
        await check.fails("scope fleet with a store of the process", consume({ scope: "fleet" }), "INVALID_ARGUMENT");
        await check.fails("a window of an hour with a store of a second", consume({ minWindowMs: 3_600_000 }), "INVALID_ARGUMENT");
      },
    },
    {
      name: "stats say where dedupe is remembered",
      run: async ({ queue, check, topic }) => {
        check.same("before", (await queue.stats()).dedupe, undefined);
        await queue.consume(topic(), () => undefined, { dedupe: memoryDedupe({ windowMs: 60_000 }) });
        check.same("after", (await queue.stats()).dedupe, { scope: "process", windowMs: 60_000 });
      },
    },
  ],
};
