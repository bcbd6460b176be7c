import type { Clock } from "@omni/core";
import {
  circuitBreaker,
  correlation,
  currentCorrelation,
  type Handler,
  type HandlerContext,
  type Message,
  retry,
  throttle,
  timeout,
} from "@omni/core/queue";
import { memoryQueue } from "@omni/queue-memory";
import { ManualClock, turn } from "./manual-clock.ts";

const MESSAGE = { id: "1", topic: "t", metadata: {} } as unknown as Message;

function context(signal: AbortSignal = new AbortController().signal): HandlerContext {
  return { topic: "t", group: "g", attempt: 1, signal, dedupe: undefined, extend: async () => undefined };
}

function failing(times: number): Handler & { calls: number } {
  const handler = Object.assign(
    () => {
      handler.calls += 1;
      if (handler.calls <= times) throw new Error(`failure ${handler.calls}`);
      return "done";
    },
    { calls: 0 },
  );
  return handler;
}

describe("retry", () => {
  test("calls again after the backoff, and gives the result", async () => {
    const clock = new ManualClock();
    const handler = failing(2);
    const result = retry({ attempts: 3, backoff: [100, 200], clock })(handler)(MESSAGE, context());
    await clock.pass(99);
    expect(handler.calls).toBe(1);
    await clock.pass(1);
    expect(handler.calls).toBe(2);
    await clock.pass(200);
    expect(await result).toBe("done");
  });

  test("gives up after the attempts, with the last error", async () => {
    const handler = failing(9);
    await expect(retry({ attempts: 3, backoff: [0] })(handler)(MESSAGE, context())).rejects.toThrow("failure 3");
  });

  test("does not repeat what is not worth it, nor past an abort", async () => {
    const handler = failing(9);
    await expect(retry({ retryIf: () => false })(handler)(MESSAGE, context())).rejects.toThrow("failure 1");
    const reason = new Error("enough");
    await expect(retry({ backoff: [60_000] })(handler)(MESSAGE, context(AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(handler.calls).toBe(2);
  });

  test("refuses a wrong number of attempts", () => expect(() => retry({ attempts: 0 })).toThrow(/attempts is 0/));
});

describe("timeout", () => {
  test("fails with TIMEOUT and aborts the handler's signal", async () => {
    const clock = new ManualClock();
    let seen: AbortSignal | undefined;
    const handler: Handler = (_, { signal }) => {
      seen = signal;
      return new Promise(() => undefined);
    };
    const result = expect(Promise.resolve(timeout(1_000, { clock })(handler)(MESSAGE, context()))).rejects.toMatchObject({
      code: "TIMEOUT",
    });
    await clock.pass(1_000);
    await result;
    expect(seen?.aborted).toBe(true);
  });

  test("leaves no timer and no listener behind when the handler is quick", async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    expect(await timeout(1_000, { clock })(() => 7)(MESSAGE, context(controller.signal))).toBe(7);
    expect(clock.pending).toBe(0);
  });
});

describe("throttle", () => {
  test("starts at most so many within the time, and the others later, each once", async () => {
    const clock = new ManualClock();
    const starts: number[] = [];
    const began = clock.now();
    const limited = throttle({ count: 2, perMs: 1_000, clock })(() => void starts.push(clock.now() - began));
    const all = Promise.all(Array.from({ length: 5 }, () => limited(MESSAGE, context())));
    await clock.pass(3_000);
    await all;
    expect(starts).toEqual([0, 0, 1_000, 1_000, 2_000]);
  });
});

describe("circuit breaker", () => {
  test("opens after failures in a row, lets one try, and closes when it works", async () => {
    const clock: Clock & ManualClock = new ManualClock();
    const states: string[] = [];
    const handler = failing(3);
    const guarded = circuitBreaker({ failures: 2, openMs: 1_000, clock, onChange: (state) => states.push(state) })(handler);
    for (let i = 0; i < 2; i++) await expect(guarded(MESSAGE, context())).rejects.toThrow("failure");
    expect(states).toEqual(["open"]);
    const third = Promise.resolve(guarded(MESSAGE, context())).catch((error: Error) => error.message);
    const fourth = guarded(MESSAGE, context());
    await clock.pass(999);
    expect(handler.calls).toBe(2);
    await clock.pass(1);
    expect(await third).toBe("failure 3");
    expect(handler.calls).toBe(3);
    await clock.pass(1_000);
    expect(await fourth).toBe("done");
    expect(states).toEqual(["open", "closed"]);
  });
});

describe("correlation", () => {
  test("what a handler publishes carries what it handles, across awaits", async () => {
    const queue = memoryQueue({ topic: "in" });
    const out = queue.subscribe("out");
    await queue.consume(
      async () => {
        await turn();
        await queue.publish([
          { topic: "out", data: "1" },
          { topic: "out", data: "2", metadata: { "correlation-id": "own" } },
        ]);
      },
      { middleware: [correlation()] },
    );
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await queue.publish({ id: "root", data: "x", metadata: { traceparent, other: "stays" } });
    const metadata = [];
    for await (const delivery of out) {
      metadata.push({ ...delivery.message.metadata });
      await delivery.ack();
      if (metadata.length === 2) break;
    }
    expect(metadata).toEqual([
      { "correlation-id": "root", traceparent },
      { "correlation-id": "own", traceparent },
    ]);
    expect(currentCorrelation()).toBeUndefined();
    await queue.close();
  });
});
