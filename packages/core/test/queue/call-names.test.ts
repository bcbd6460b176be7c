import { createQueue } from "@omni/core/queue";
import { memoryQueue } from "@omni/queue-memory";
import { ScriptedDriver } from "./scripted-driver.ts";

const wrong = (options: object): object => options;

describe("an option that a call does not have is refused before anything is done", () => {
  const scripted = new ScriptedDriver({});
  const queue = createQueue(scripted.driver, { topic: "t" });
  const handler = (): undefined => undefined;
  const calls: readonly (readonly [call: string, use: () => unknown, words: RegExp])[] = [
    [
      "publish",
      () => queue.publish({ data: "x" }, wrong({ timeout: 5 })),
      /publish has no option "timeout": did you mean timeoutMs\?/,
    ],
    [
      "publish of many",
      () => queue.publish([{ data: "x" }], wrong({ topics: "t" })),
      /publish has no option "topics": did you mean topic\?/,
    ],
    ["subscribe", () => queue.subscribe(wrong({ gruop: "g" })), /subscribe has no option "gruop": did you mean group\?/],
    [
      "consume",
      () => queue.consume(handler, wrong({ max_deliveries: 3 })),
      /consume has no option "max_deliveries": did you mean maxDeliveries\?/,
    ],
    [
      "consume, what subscribe has",
      () => queue.consume("t", handler, wrong({ maxInFlight: 3 })),
      /consume has no option "maxInFlight"; it has .*concurrency/,
    ],
    ["stats", () => queue.stats(wrong({ grup: "g" })), /stats has no option "grup": did you mean group\?/],
    ["ready", () => queue.ready(wrong({ timeout_ms: 3 })), /did you mean timeoutMs\?/],
    ["close", () => queue.close(wrong({ drain: 3 })), /close has no option "drain": did you mean drainMs\?/],
    [
      "browse",
      () => Array.fromAsync(memoryQueue().browse("t", wrong({ since: 3 }))),
      /browse has no option "since"; it has from, until, last, signal/,
    ],
  ];

  test.each(calls)("%s", async (_, use, words) => {
    const attempt = async (): Promise<unknown> => use();
    await expect(attempt()).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(words) });
    expect(scripted.calls).toHaveLength(0);
  });
});
