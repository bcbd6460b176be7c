import { Inbox, takeDelivery } from "../inbox.ts";
import { CAPACITY, REDELIVERY, SIZE_LIMIT } from "../needs.ts";
import type { QueueGroup, QueueTrial } from "../trial.ts";

/** The largest data that the broker declares to take, beside the headers of such a message. */
async function largest(trial: QueueTrial): Promise<number> {
  const { maxBytes = 0 } = trial.features;
  const tooMuch = new Uint8Array(maxBytes + 1);
  const error = await trial.check.fails(
    "a message beyond the limit",
    () => trial.queue.publish({ topic: trial.topic(), id: "limit", data: tooMuch }),
    "TOO_LARGE",
  );
  // The error says what the message has with its headers.
  const size = Number(/has (\d+) bytes/.exec(error.message)?.[1]);
  return maxBytes - (size - tooMuch.byteLength);
}

/** What is too much. */
export const limits: QueueGroup = {
  name: "limits",
  needs: [],
  cases: [
    {
      name: "the largest message is taken and comes back",
      needs: [SIZE_LIMIT],
      run: async (trial) => {
        // Topics count in some brokers; all of the kit's have one length.
        const data = new Uint8Array(await largest(trial)).fill(7);
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic);
        await trial.queue.publish({ topic, id: "limit", data });
        trial.check.bytes("data", (await inbox.take(1))[0]?.data ?? new Uint8Array(), data);
      },
    },
    {
      name: "one byte more is TOO_LARGE, before anything is sent",
      needs: [SIZE_LIMIT],
      run: async (trial) => {
        const data = new Uint8Array((await largest(trial)) + 1);
        const topic = trial.topic();
        const inbox = await Inbox.open(trial.queue, topic);
        const error = await trial.check.fails("publish", () => trial.queue.publish({ topic, id: "limit", data }), "TOO_LARGE");
        trial.check.same("what the error says of the effect", error.outcome, "not-applied");
        await trial.quiet();
        trial.check.same("what came", inbox.texts, []);
      },
    },
    {
      name: "a full queue refuses or waits, and the error says what to do",
      needs: [CAPACITY, REDELIVERY],
      run: async (trial) => {
        const { queue, check, features } = trial;
        const topic = trial.topic();
        const { capacity = 0 } = features;
        await queue.publish(Array.from({ length: capacity }, (_, n) => ({ topic, data: String(n) })));
        const error = await check.fails("one more", () => queue.publish({ topic, data: "more" }, { timeoutMs: 200 }), "QUEUE_FULL");
        check.same("what the error says of the effect", error.outcome, "not-applied");
        check.ok("the error names the remedy", /capacity|consumer/.test(error.message));
        check.same("in stats", [(await queue.stats()).published, (await queue.stats()).rejected], [capacity, 1]);
      },
    },
    {
      name: "a full queue goes on when there is room",
      needs: [CAPACITY, REDELIVERY],
      run: async (trial) => {
        const topic = trial.topic();
        const { capacity = 0 } = trial.features;
        const subscription = trial.queue.subscribe(topic);
        await subscription.ready();
        await trial.queue.publish(Array.from({ length: capacity }, (_, n) => ({ topic, data: String(n) })));
        const settled = trial.queue.publish({ topic, data: "more" }).then(
          () => "acked",
          () => "rejected",
        );
        await (await takeDelivery(subscription)).ack();
        if ((await settled) === "rejected") await trial.queue.publish({ topic, data: "more" });
        trial.check.same("published", (await trial.queue.stats()).published, capacity + 1);
      },
    },
  ],
};
