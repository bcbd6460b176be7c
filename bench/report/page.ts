import type { BenchmarkResult } from "../runner/benchmark-run.ts";
import type { Judgement } from "../runner/judgement.ts";
import { caseTable, provenance, row } from "../runner/report.ts";
import type { Kept } from "./files.ts";

const introduction = `# Benchmarks

Every run whose raw results are kept in \`docs/benchmarks\`, as it came out: also where a peer is better, and where the machine was too busy to
tell. Made by \`npm run bench -- --report\`; a test fails when this page or a chart is not what the raw results make. How a figure is made, and
what it cannot say, stands in [\`bench/README.md\`](../bench/README.md); what was tried and what it gave in [Performance](performance.md).

**How to read a chart.** A mark is the median of ours against one peer, its whiskers the 95 % interval; on the tinted side ours is better. Round:
judged by wall time. Square: CPU time, because wall time was too noisy, or the same for all by a given pace. Hollow and grey: the interval is
wider than 15 % of its median both ways, so nothing is claimed. A diamond is the target. A commit that is \`changed\` had work in its tree that was not committed yet.`;

/** The page of all kept runs. */
export function page(kept: readonly Kept[]): string {
  return `${[introduction, summary(kept), ...kept.map(section)].join("\n\n")}\n`;
}

/** One row for each run: what it came to, and when and of what it was taken. */
function summary(kept: readonly Kept[]): string {
  const head = ["run", "ratios", "rounds", "load / cores", "commit", "date"];
  const rows = kept.map(({ name, result }) => [`[${name}](#${name})`, counts(result), ...origin(result)]);
  return ["## All runs", "", row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

function counts({ cases }: BenchmarkResult): string {
  const verdicts: readonly Judgement["verdict"][] = ["met", "missed", "stated", "not measurable here"];
  const all = cases.flatMap(({ judgements }) => judgements);
  const counted = verdicts.map((wanted) => [all.filter(({ verdict }) => verdict === wanted).length, wanted] as const);
  return counted.flatMap(([count, verdict]) => (count > 0 ? [`${count} ${verdict}`] : [])).join(", ") || "no peer";
}

function origin({ rounds, machine, commit, startedAt }: BenchmarkResult): readonly string[] {
  const hash = commit === null ? "none" : `${commit.hash.slice(0, 12)}${commit.changed ? ", changed" : ""}`;
  return [String(rounds), `${machine.loadBefore.toFixed(1)} / ${machine.cores}`, hash, startedAt.slice(0, 10)];
}

function section({ name, result }: Kept): string {
  return [
    `## ${name}`,
    `${result.title}; per ${result.unit}. Raw: [\`docs/benchmarks/${name}.json\`](benchmarks/${name}.json).`,
    provenance(result),
    `![${alternative(result)}](img/bench-${name}.svg)`,
    ...result.cases.map((each) => caseTable(result, each)),
  ].join("\n\n");
}

/** For who does not see the chart: the tables below it say the same. */
function alternative({ title, cases }: BenchmarkResult): string {
  const compared = cases.some(({ judgements }) => judgements.length > 0);
  return `${compared ? "Ours against each peer" : "What each case costs"}: ${title}. The tables below say the same.`;
}
