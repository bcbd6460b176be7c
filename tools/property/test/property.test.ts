import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { killRuns, propertyRuns, recordCounts } from "@omni/property";
import fc from "fast-check";

describe("propertyRuns", () => {
  test("runs a hundred by default, the push number in the push tier, OMNI_RUNS above both", () => {
    expect(propertyRuns({ name: "none" }, {}).numRuns).toBe(100);
    expect(propertyRuns({ name: "none", push: 40 }, {}).numRuns).toBe(40);
    expect(propertyRuns({ name: "none" }, { OMNI_TIER: "push" }).numRuns).toBe(1000);
    expect(propertyRuns({ name: "none", test: 7 }, { OMNI_TIER: "test" }).numRuns).toBe(7);
    expect(propertyRuns({ name: "none" }, { OMNI_TIER: "push", OMNI_RUNS: "10000" }).numRuns).toBe(10_000);
  });

  test("OMNI_SEED fixes the fresh seed", () => {
    expect(propertyRuns({ name: "none" }, { OMNI_SEED: "42" }).seeds).toEqual([42]);
  });

  test("two calls start from different seeds", () => {
    const seeds = new Set(Array.from({ length: 20 }, () => propertyRuns({ name: "none" }, {}).seeds[0]));
    expect(seeds.size).toBeGreaterThan(15);
  });

  test("a number that is none is refused by name", () => {
    expect(() => propertyRuns({ name: "none" }, { OMNI_RUNS: "many" })).toThrow("OMNI_RUNS=many: expected a whole number");
  });

  test("a failing property names its seed and the line that keeps it", () => {
    const [parameters] = propertyRuns({ name: "small numbers" }, { OMNI_SEED: "7" }).parameters;
    const property = fc.property(fc.integer({ min: 0, max: 1000 }), (n) => n < 500);
    expect(() => fc.assert(property, { ...parameters })).toThrow(
      /OMNI_SEED=7 .*\n.*"small numbers": \[7\] {3}in tools\/checks\/failed-seeds\.json\n.*\[500\]/,
    );
  });
});

test("kills: three by default, twenty in the push tier, OMNI_KILLS above both", () => {
  expect(killRuns({}, {})).toBe(3);
  expect(killRuns({}, { OMNI_TIER: "push" })).toBe(20);
  expect(killRuns({ push: 5 }, { OMNI_TIER: "push" })).toBe(5);
  expect(killRuns({}, { OMNI_TIER: "full", OMNI_KILLS: "200" })).toBe(200);
});

test("counts are appended one object a line, and nowhere when nobody asked", () => {
  const folder = mkdtempSync(join(tmpdir(), "omni-counts-"));
  const file = join(folder, "result.json");
  recordCounts({ kills: 1 }, { OMNI_RESULT_FILE: file });
  recordCounts({ kills: 2 }, { OMNI_RESULT_FILE: file });
  recordCounts({ kills: 3 }, {});
  expect(readFileSync(file, "utf8")).toBe('{"kills":1}\n{"kills":2}\n');
  rmSync(folder, { recursive: true });
});
