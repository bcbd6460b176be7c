import { distance, judge, pairedRatios } from "../runner/judgement.ts";
import type { Sample } from "../runner/messages.ts";
import { seededRandom } from "../runner/random.ts";

function samples(wall: readonly number[], cpu: readonly number[] = wall): Sample[] {
  return wall.map((wallNanos, round) => ({ wallNanos, cpuMicros: cpu[round]!, peakRssBytes: 0 }));
}

const steady = Array.from({ length: 15 }, (_, round) => 100 + (round % 3));
const wild = Array.from({ length: 15 }, (_, round) => (round % 2 === 0 ? 50 : 200));

describe("direction", () => {
  test("speed: above 1 when the peer takes longer", () => {
    expect(pairedRatios("speed", [10], [20])).toEqual([2]);
  });

  test("time: below 1 when the peer takes longer", () => {
    expect(pairedRatios("time", [10], [20])).toEqual([0.5]);
  });

  test("the CPU ratio turns the same way as the wall ratio", () => {
    const { wall, cpu } = judge(
      { name: "peer" },
      "speed",
      samples(steady),
      samples(steady.map((nanos) => nanos * 2)),
      seededRandom(1),
    );
    expect(wall.median).toBe(2);
    expect(cpu.median).toBe(2);
  });
});

describe("pairing", () => {
  test("a slow moment of the machine that meets both sides leaves the ratio alone", () => {
    const { wall, basis } = judge(
      { name: "peer" },
      "speed",
      samples(wild),
      samples(wild.map((nanos) => nanos * 1.5)),
      seededRandom(1),
    );
    expect(wall).toEqual({ median: 1.5, low: 1.5, high: 1.5 });
    expect(basis).toBe("wall");
  });

  test("rounds that do not pair up are refused", () => {
    expect(() => pairedRatios("speed", [1, 2], [1])).toThrow(RangeError);
  });
});

describe("what may be claimed", () => {
  test("an interval wider than 15 % is judged by CPU time", () => {
    const peer = { name: "peer", target: { atLeast: 1 } };
    const judgement = judge(peer, "speed", samples(steady, steady), samples(wild, steady), seededRandom(1));
    expect(judgement).toMatchObject({ basis: "cpu", verdict: "met" });
  });

  test("a CPU ratio that misses its target is missed, however fast the clock was", () => {
    const peer = { name: "peer", target: { atLeast: 1 } };
    const cheaper = steady.map((micros) => micros / 2);
    const judgement = judge(
      peer,
      "speed",
      samples(steady, steady),
      samples(
        wild.map((nanos) => nanos * 9),
        cheaper,
      ),
      seededRandom(1),
    );
    expect(judgement).toMatchObject({ basis: "cpu", verdict: "missed" });
    expect(judgement.missedBy).toBeCloseTo(0.5);
  });

  test("nothing is claimed when both intervals are wide, target or not", () => {
    const peer = { name: "peer", target: { atLeast: 0.001 } };
    expect(judge(peer, "speed", samples(steady), samples(wild), seededRandom(1))).toMatchObject({
      basis: "none",
      verdict: "not measurable here",
    });
    expect(judge({ name: "peer" }, "speed", samples(steady), samples(wild), seededRandom(1)).verdict).toBe("not measurable here");
  });

  test("rounds without any CPU time are no measure", () => {
    const none = steady.map(() => 0);
    expect(judge({ name: "peer" }, "speed", samples(wild, none), samples(steady, none), seededRandom(1)).basis).toBe("none");
  });

  test("without a target a ratio is stated, not judged", () => {
    expect(judge({ name: "peer" }, "speed", samples(steady), samples(steady), seededRandom(1)).verdict).toBe("stated");
  });
});

describe("where all are given the same pace", () => {
  const target = { atMost: 0.1 };

  test("the ratio is of CPU time, and stated", () => {
    const dear = steady.map((micros) => micros * 2);
    const judgement = judge(
      { name: "peer", target, isPaced: true },
      "time",
      samples(steady, dear),
      samples(steady),
      seededRandom(1),
    );
    expect(judgement).toMatchObject({ basis: "cpu", paced: true, verdict: "stated", cpu: { median: 2 } });
    expect(judgement).not.toHaveProperty("target");
  });

  test("nothing is claimed of CPU time that varies, however even the pace", () => {
    const judgement = judge({ name: "peer", isPaced: true }, "time", samples(steady, wild), samples(steady), seededRandom(1));
    expect(judgement).toMatchObject({ basis: "none", verdict: "not measurable here" });
  });
});

describe("targets", () => {
  const interval = { median: 1, low: 0.96, high: 1.04 };

  test.each([
    [{ atLeast: 1.04 }, 0],
    [{ atLeast: 2 }, 0.48],
    [{ atMost: 0.96 }, 0],
    [{ atMost: 0.8 }, 0.2],
    [{ includes: 1 }, -0.04],
    [{ includes: 2 }, 0.48],
    [{ includes: 0.5 }, 0.92],
  ])("%j is away by %d of itself", (target, away) => {
    expect(distance(target, interval)).toBeCloseTo(away);
  });

  test("the better end decides, on either side", () => {
    expect(distance({ atLeast: 1.03 }, interval)).toBeLessThan(0);
    expect(distance({ atMost: 0.97 }, interval)).toBeLessThan(0);
    expect(distance({ atLeast: 1.05 }, interval)).toBeGreaterThan(0);
    expect(distance({ atMost: 0.95 }, interval)).toBeGreaterThan(0);
  });
});
