import { OmniError } from "@omni/core";
import { createQueue, type DriverPublishOptions, type PublishOutcome, whenAborted } from "@omni/core/queue";
import { ManualClock } from "./manual-clock.ts";
import { ScriptedDriver } from "./scripted-driver.ts";

/** A driver whose answers wait for nothing. */
function setUp(...answers: readonly PublishOutcome[]) {
  const clock = new ManualClock();
  const batches: string[][] = [];
  let timers = 0;
  const publish = (_topic: string, batch: readonly { readonly id: string }[]): readonly PublishOutcome[] => {
    batches.push(batch.map(({ id }) => id));
    timers = Math.max(timers, clock.pending);
    return batch.map((): PublishOutcome => answers[0] ?? { state: "acked" }).slice(0, answers.length > 1 ? 1 : undefined);
  };
  const { driver } = new ScriptedDriver({ pipelined: false }, { publish });
  return { queue: createQueue(driver, { topic: "t", clock }), batches, clock, timers: () => timers };
}

describe("an answer at hand", () => {
  test("is a result, and needs no timer", async () => {
    const { queue, clock, timers } = setUp();
    expect(await queue.publish({ id: "a", key: "k" })).toMatchObject({ id: "a", state: "acked" });
    expect((await queue.publish([{ id: "b" }, { id: "c", key: "k" }])).map(({ id, state }) => [id, state])).toEqual([
      ["b", "acked"],
      ["c", "acked"],
    ]);
    expect([timers(), clock.pending]).toEqual([0, 0]);
    expect(await queue.stats()).toMatchObject({ published: 3, inFlight: 0 });
    await queue.close();
  });

  test("is an error that carries the message when it says rejected", async () => {
    const { queue } = setUp({ state: "rejected", error: new OmniError("QUEUE_FULL", { reason: "full" }) });
    const message = expect.objectContaining({ id: "a" });
    await expect(queue.publish({ id: "a" })).rejects.toMatchObject({ code: "QUEUE_FULL", messages: [message] });
    await expect(queue.publish([{ id: "a" }, { id: "b" }])).rejects.toMatchObject({ code: "PARTIAL_FAILURE" });
    expect(await queue.stats()).toMatchObject({ rejected: 3, inFlight: 0 });
  });

  test("that is too short leaves the rest unknown", async () => {
    const { queue } = setUp({ state: "acked" }, { state: "acked" });
    const error = await queue.publish([{ id: "a" }, { id: "b" }]).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ results: [{ state: "acked" }, { state: "unknown" }] });
  });

  test("keeps the order of a key that publishes while it is told", async () => {
    const { queue, batches } = setUp();
    const all = ["1", "2", "3"].map((id) => queue.publish({ id, key: "k" }));
    await Promise.all(all);
    expect(batches).toEqual([["1"], ["2"], ["3"]]);
  });
});

describe("a publish that is given up", () => {
  test("tells a driver that asked for no signal, with the reason, once", async () => {
    const reasons: unknown[] = [];
    const scripted = new ScriptedDriver();
    const queue = createQueue(scripted.driver, { topic: "t" });
    const controller = new AbortController();
    const publish = queue.publish({ id: "a" }, { signal: controller.signal });
    const { options } = scripted.last;
    whenAborted(options, (reason) => reasons.push(reason));
    whenAborted(options, (reason) => reasons.push(["second", reason]));
    const stop = whenAborted(options, () => reasons.push("stopped"));
    stop();
    controller.abort("enough");
    await expect(publish).rejects.toBe("enough");
    whenAborted(options, (reason) => reasons.push(["late", reason]));
    expect(reasons).toEqual(["enough", ["second", "enough"], ["late", "enough"]]);
    expect(options.signal?.reason).toBe("enough");
  });

  test("is told by the signal where that is all there is", () => {
    const reasons: unknown[] = [];
    const tell = (reason: unknown): void => void reasons.push(reason);
    const controller = new AbortController();
    const options: DriverPublishOptions = { signal: controller.signal };
    whenAborted(options, tell);
    whenAborted(options, tell)();
    controller.abort("over");
    whenAborted(options, tell);
    whenAborted({}, tell)();
    expect(reasons).toEqual(["over", "over"]);
  });
});
