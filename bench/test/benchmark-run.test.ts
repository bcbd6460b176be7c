import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Benchmark, Params } from "../runner/benchmark.ts";
import { type BenchmarkResult, type RunSettings, runBenchmark } from "../runner/benchmark-run.ts";
import { peakAboveIdleMiB } from "../runner/case-run.ts";
import { ceilingPassed, toMarkdown } from "../runner/report.ts";
import sum from "./benchmarks/sum.ts";

const file = new URL("./benchmarks/sum.ts", import.meta.url).href;
let scratch: string;
let result: BenchmarkResult;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "bench-test-"));
  result = await run();
});
afterAll(() => rm(scratch, { recursive: true }));

function run(changes: Partial<RunSettings> = {}, benchmark: Benchmark = sum): Promise<BenchmarkResult> {
  return runBenchmark(benchmark, file, { quick: true, seed: 11, rounds: 3, warmUpRounds: 1, scratch, ...changes });
}

function withFault(fault: string): Benchmark {
  const params: Params = { count: 1000, fault };
  return { ...sum, params: { full: [params], quick: [params] } };
}

describe("a run", () => {
  test("keeps a sample per subject and round, the order, the seed and where it was taken", () => {
    const each = result.cases[0]!;
    expect(Object.keys(each.subjects)).toEqual(["ours", "faulty", "hungry", "hungry-once", "by-program"]);
    for (const subject of Object.values(each.subjects)) expect(subject.samples).toHaveLength(3);
    expect(each.order).toHaveLength(3);
    expect(result).toMatchObject({ seed: 11, rounds: 3, machine: { node: process.versions.node } });
  });

  test("shows absent peers with the reason and the way to get them", () => {
    expect(result.cases[0]!.skipped).toEqual([
      { peer: "absent-package", why: "package @omni/never-published is not installed", how: "it does not exist" },
      { peer: "absent-program", why: "program omni-never-built is not on the PATH", how: "nor does it" },
    ]);
    expect(toMarkdown(result)).toContain(
      "skipped: absent-package (package @omni/never-published is not installed; it does not exist)",
    );
  });

  test("memory is each subject's own: a hungry one shows, the others stay as they were", () => {
    const { ours, hungry } = result.cases[0]!.subjects;
    expect(peakAboveIdleMiB(hungry!)).toBeGreaterThan(60);
    expect(peakAboveIdleMiB(ours!)).toBeLessThan(16);
  });

  test("what only the warm-up held is not counted, where the kernel lets the peak be reset", () => {
    const once = result.cases[0]!.subjects["hungry-once"]!;
    const counted = once.peakMethod === "maxRSS";
    expect(peakAboveIdleMiB(once) > 60).toBe(counted);
  });

  test("a program that a subject drives is counted: its CPU time by the kernel, its memory as reported", () => {
    const { "by-program": program } = result.cases[0]!.subjects;
    for (const { cpuMicros } of program!.samples) expect(cpuMicros).toBeGreaterThanOrEqual(150_000);
    expect(peakAboveIdleMiB(program!)).toBeGreaterThan(500);
  });

  test("with too few rounds to claim anything from is refused", async () => {
    await expect(run({ quick: false, rounds: 14 })).rejects.toThrow("a run has at least 15 rounds, not 14");
  });

  test("of long rounds may have as few as its benchmark says, and no fewer", async () => {
    const long: Benchmark = { ...sum, params: { full: sum.params.quick, quick: [] }, rounds: { usual: 5, fewest: 1 } };
    expect(await run({ quick: false, rounds: 1 }, long)).toMatchObject({ quick: false, rounds: 1 });
    await expect(run({ quick: false, rounds: 0 }, long)).rejects.toThrow("a run has at least 1 rounds, not 0");
  });

  test("leaves nothing behind", async () => {
    expect(await readdir(scratch)).toEqual([]);
  });
});

describe("a run fails", () => {
  test("when a peer proves other work than ours", async () => {
    await expect(run({}, withFault("other result"))).rejects.toThrow(
      'faulty did not do the same work as ours: "499501" instead of "499500"',
    );
  });

  test("with what a subject threw", async () => {
    await expect(run({}, withFault("throws"))).rejects.toThrow(/faulty failed at "round": Error: the peer fell over/);
  });

  test("when a subject's process dies", async () => {
    await expect(run({}, withFault("exits"))).rejects.toThrow('the process of faulty ended at "round" with code 3');
  });

  test("and still leaves nothing behind", async () => {
    expect(await readdir(scratch)).toEqual([]);
  });
});

describe("the table", () => {
  test("of a smoke run is labelled and claims no ratio", () => {
    const text = toMarkdown(result);
    expect(text).toContain("**Smoke run: shows that the benchmark works. None of these figures is a measurement.**");
    expect(text).not.toMatch(/verdict|\bmet\b|missed|ours \/ peer/);
  });

  test("of a full run has a ratio and a verdict per peer", () => {
    const text = toMarkdown({ ...result, quick: false });
    expect(text).not.toContain("Smoke run");
    expect(text.split("\n").find((line) => line.includes("By a program"))).toMatch(/\d \[[\d.]+, [\d.]+\].*\|/);
  });

  test("says when a memory ceiling is passed", () => {
    expect(ceilingPassed(result)).toBe(false);
    expect(toMarkdown(result)).toContain("Memory ceiling of ours: 16 MiB above idle, held");
    const passed = { ...result, cases: result.cases.map((each) => ({ ...each, memory: { ceilingMiB: 16, peakMiB: 16.1 } })) };
    expect(ceilingPassed(passed)).toBe(true);
    expect(toMarkdown(passed)).toContain("**PASSED** (16.1 MiB)");
  });
});
