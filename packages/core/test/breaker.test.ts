import { Breaker } from "@omni/core";

function clockAt(start: number) {
  let time = start;
  return {
    clock: { now: () => time, setTimeout: () => undefined, clearTimeout: () => undefined },
    pass: (ms: number) => {
      time += ms;
    },
  };
}

describe("breaker", () => {
  test("opens after failures in a row, lets one call try, and closes when that works", () => {
    const { clock, pass } = clockAt(1_000);
    const breaker = new Breaker({ failures: 2, openMs: 100 }, clock);
    breaker.record("failure");
    breaker.record("success");
    breaker.record("failure");
    expect([breaker.state, breaker.allows()]).toEqual(["closed", true]);
    breaker.record("failure");
    expect([breaker.state, breaker.allows()]).toEqual(["open", false]);
    pass(100);
    expect([breaker.allows(), breaker.state, breaker.allows()]).toEqual([true, "half-open", false]);
    breaker.record("failure");
    expect([breaker.state, breaker.openUntil]).toEqual(["open", 1_200]);
    pass(100);
    expect(breaker.allows()).toBe(true);
    breaker.record("success");
    expect([breaker.state, breaker.allows()]).toEqual(["closed", true]);
  });

  test("a trial that says nothing makes the next call one", () => {
    const { clock, pass } = clockAt(0);
    const breaker = new Breaker({ failures: 1, openMs: 10 }, clock);
    breaker.record("failure");
    pass(10);
    expect(breaker.allows()).toBe(true);
    breaker.record("neutral");
    expect([breaker.state, breaker.allows()]).toEqual(["open", true]);
  });

  test("stays open longer by chance, by the share that was given", () => {
    const { clock } = clockAt(0);
    const breaker = new Breaker({ failures: 1, openMs: 1_000, jitter: 0.5, random: () => 0.5 }, clock);
    breaker.record("failure");
    expect(breaker.openUntil).toBe(1_250);
  });

  test("false never opens; options that do not fit are refused by name", () => {
    const { clock } = clockAt(0);
    const never = new Breaker(false, clock);
    for (let i = 0; i < 100; i++) never.record("failure");
    expect(never.state).toBe("closed");
    expect(() => new Breaker({ failures: 0 }, clock)).toThrow("breaker.failures is 0, it has to be a whole number, 1 or more");
    expect(() => new Breaker({ openMs: 0 }, clock, "b")).toThrow("b.openMs is 0");
    expect(() => new Breaker({ jitter: 2 }, clock)).toThrow("breaker.jitter is 2");
  });
});
