import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chart } from "../report/chart.ts";
import { parseResult, readKept, reportFiles, staleFiles, writeReport } from "../report/files.ts";
import { ratioScale } from "../report/scale.ts";
import type { BenchmarkResult } from "../runner/benchmark-run.ts";
import type { Judgement } from "../runner/judgement.ts";
import { judge } from "../runner/judgement.ts";
import { seededRandom } from "../runner/random.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Ours takes 100 ms a round; the peer this many times as long, or nearly, in each round. */
function judgement(times: number, noise = 0): Judgement {
  const rounds = Array.from({ length: 15 }, (_, round) => 1 + noise * (round - 7));
  const sample = (wallNanos: number) => ({ wallNanos, cpuMicros: wallNanos / 1000, peakRssBytes: 2 ** 20 });
  const peers = rounds.map((factor) => sample(1e8 * times * factor));
  return judge(
    { name: "peer", target: { atLeast: 1 } },
    "speed",
    rounds.map(() => sample(1e8)),
    peers,
    seededRandom(1),
  );
}

function run(judged: readonly Judgement[], changes: Partial<BenchmarkResult> = {}): BenchmarkResult {
  const samples = [{ wallNanos: 1e8, cpuMicros: 9e4, peakRssBytes: 2 ** 21 }];
  const subject = { idleRssBytes: 2 ** 20, peakMethod: "VmHWM" as const, samples };
  const subjects = { ours: { label: "Omni", ...subject }, peer: { label: 'a "peer" & <more>', ...subject } };
  return {
    schema: 1,
    name: "sum",
    title: "adding numbers",
    unit: "number",
    compare: "speed",
    quick: false,
    startedAt: "2026-01-02T03:04:05.000Z",
    seed: 1,
    rounds: 15,
    warmUpRounds: 2,
    machine: {
      cpu: "cpu",
      cores: 2,
      memoryBytes: 1,
      system: "linux",
      node: "24",
      v8: "13",
      loadBefore: 0.1,
      scratchFileSystem: "ext4",
    },
    commit: { hash: "0123456789abcdef", changed: false },
    versions: {},
    cases: [{ params: { count: 7 }, work: 10, order: [], subjects, judgements: judged, skipped: [] }],
    ...changes,
  };
}

describe("what is kept", () => {
  test("the page and the charts are what the kept results make; else: npm run bench -- --report", async () => {
    expect(await staleFiles(root)).toEqual([]);
  });

  test("each kept run has its section, and each of its subjects a row", async () => {
    const kept = await readKept(root);
    const page = reportFiles(kept).get("docs/benchmarks.md")!;
    expect(kept.length).toBeGreaterThan(0);
    for (const { name, result } of kept) {
      const section = page.split(`\n## ${name}\n`)[1]!.split("\n## ")[0]!;
      const rows = section.split("\n").filter((line) => line.startsWith("| ") && !/^\| (subject|---) /.test(line));
      expect(rows).toHaveLength(result.cases.reduce((sum, each) => sum + Object.keys(each.subjects).length, 0));
      expect(section).toContain(`img/bench-${name}.svg`);
    }
  });
});

describe("a page or chart that does not fit", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "bench-report-"));
    await mkdir(join(folder, "docs/img"), { recursive: true });
    await mkdir(join(folder, "docs/benchmarks"));
    await writeFile(join(folder, "docs/benchmarks/sum.json"), JSON.stringify(run([judgement(2)])));
    await writeReport(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("is none right after they were made", async () => {
    expect(await staleFiles(folder)).toEqual([]);
  });

  test("is found when a raw result changes", async () => {
    await writeFile(join(folder, "docs/benchmarks/sum.json"), JSON.stringify(run([judgement(3)])));
    expect(await staleFiles(folder)).toEqual(["docs/benchmarks.md", "docs/img/bench-sum.svg"]);
  });

  test("is found when a figure is changed by hand, a chart is missing, or one has lost its results", async () => {
    const page = join(folder, "docs/benchmarks.md");
    await writeFile(page, (await readFile(page, "utf8")).replace("2.000", "2.500"));
    await cp(join(folder, "docs/img/bench-sum.svg"), join(folder, "docs/img/bench-gone.svg"));
    await rm(join(folder, "docs/img/bench-sum.svg"));
    expect(await staleFiles(folder)).toEqual(["docs/benchmarks.md", "docs/img/bench-gone.svg", "docs/img/bench-sum.svg"]);
    await writeReport(folder);
    expect(await staleFiles(folder)).toEqual([]);
  });
});

describe("a raw result", () => {
  test("of a smoke run, or of another form, is refused by its name", () => {
    const text = (changes: object) => JSON.stringify({ ...run([]), ...changes });
    expect(() => parseResult("a.json", text({ quick: true }))).toThrow("a.json: a smoke run measures nothing");
    expect(() => parseResult("b.json", text({ schema: 2 }))).toThrow("b.json: the form of this record is 2, not 1");
  });

  test("whose interval is not finite is shown as no figure", () => {
    const none = { median: Number.NaN, low: Number.NaN, high: Number.NaN };
    const unknown: Judgement = { ...judgement(2), wall: none, cpu: none, basis: "none", verdict: "not measurable here" };
    const result = parseResult("a.json", JSON.stringify(run([unknown])));
    expect(chart(result)).toContain(">no figure<");
    expect(reportFiles([{ name: "sum", result }]).get("docs/benchmarks.md")).toContain("no figure");
    expect(chart(result)).not.toContain("NaN");
  });
});

test.each(["cpu", "none"] as const)("a paced case has no ratio of wall time, in the table or the chart (%s)", (basis) => {
  const cpu = { median: 1.5, low: 1.25, high: 1.75 };
  const wall = { median: 1.01, low: 1.01, high: 1.01 };
  const result = run([
    { peer: "peer", wall, cpu, basis, paced: true, verdict: basis === "cpu" ? "stated" : "not measurable here" },
  ]);
  const page = reportFiles([{ name: "sum", result }]).get("docs/benchmarks.md")!;
  expect(page).toContain("1.500 [1.250, 1.750] of CPU time");
  expect(chart(result)).toContain("1.50 [1.25, 1.75] CPU");
  expect(page + chart(result)).not.toContain("1.01");
});

describe("a chart", () => {
  const marked = (svg: string) => /<(?:circle|rect) class="(better|worse|even|none)"/.exec(svg)?.[1];

  test.each([
    ["better", judgement(2)],
    ["worse", judgement(0.5)],
    ["even", judgement(1, 0.005)],
    ["none", judgement(2, 0.1)],
  ] as const)("marks a ratio as %s by its whole interval", (tone, judged) => {
    expect(marked(chart(run([judged])))).toBe(tone);
  });

  test("of times calls less than one better", () => {
    expect(marked(chart(run([judgement(0.5)], { compare: "time" })))).toBe("better");
  });

  test("places the median between the ends of its interval, and the target on its value", () => {
    const svg = chart(run([judgement(2, 0.005)]));
    const [, low, high] = /stroke-width="2" d="M([\d.]+) \d+H([\d.]+)/.exec(svg)!.map(Number);
    const median = Number(/cx="([\d.]+)"/.exec(svg)![1]);
    const one = Number(/class="one" d="M([\d.]+)/.exec(svg)![1]);
    expect(low!).toBeLessThan(median);
    expect(median).toBeLessThan(high!);
    expect(svg).toContain(`class="target" d="M${one} `);
    expect(one).toBeLessThan(low!);
  });

  test("escapes names", () => {
    expect(chart(run([judgement(2)]))).toContain("a &quot;peer&quot; &amp; &lt;more&gt;");
  });

  test("of a run without peers has a bar for each case", () => {
    expect(chart(run([]))).toMatch(/<rect class="better"[^>]*width="312"/);
  });
});

test("a scale of ratios puts twice and half at the same distance from one", () => {
  const { at, ticks } = ratioScale([0.4, 3], 0, 300);
  expect(at(2) - at(1)).toBeCloseTo(at(1) - at(0.5));
  expect(ticks).toContain(1);
  expect(ticks.every((tick) => at(tick) >= 0 && at(tick) <= 300)).toBe(true);
});
