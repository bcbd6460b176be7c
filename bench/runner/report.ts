import type { Target } from "./benchmark.ts";
import { ours } from "./benchmark.ts";
import type { BenchmarkResult } from "./benchmark-run.ts";
import { type CaseResult, peakAboveIdleMiB, type SubjectResult } from "./case-run.ts";
import { type Judgement, widestInterval } from "./judgement.ts";
import { type Interval, median } from "./statistics.ts";

/** The run as Markdown: where it was taken, one table per case, and what was left out. */
export function toMarkdown(result: BenchmarkResult): string {
  return [heading(result), ...result.cases.map((each) => caseTable(result, each))].join("\n\n");
}

function heading(result: BenchmarkResult): string {
  return `## ${result.name}: ${result.title}\n\n${provenance(result)}`;
}

/** Where and when a run was taken, and what speaks against its figures. */
export function provenance(result: BenchmarkResult): string {
  const { machine } = result;
  const versions = Object.entries(result.versions).map(([name, version]) => `, ${name} ${version}`);
  const lines = [
    `${machine.cores} x ${machine.cpu}, ${machine.system}, ${machine.scratchFileSystem}, Node ${machine.node}${versions.join("")}; ` +
      `${sources(result)}; seed ${result.seed}; ${result.rounds} rounds after ${result.warmUpRounds} of warm-up; ${result.startedAt}.`,
  ];
  if (result.quick) lines.push("", "**Smoke run: shows that the benchmark works. None of these figures is a measurement.**");
  if (machine.loadBefore > machine.cores / 2) {
    lines.push(
      "",
      `The machine was busy before the first round (load ${machine.loadBefore.toFixed(2)} on ${machine.cores} cores).`,
    );
  }
  return lines.join("\n");
}

/** The commit that was measured. */
export function sources({ commit }: Pick<BenchmarkResult, "commit">): string {
  return commit === null ? "no commit" : `commit ${commit.hash.slice(0, 12)}${commit.changed ? " with changes" : ""}`;
}

/** The case's parameters as one line: what distinguishes it from the others. */
export function caseTitle({ params }: Pick<CaseResult, "params">): string {
  const words = Object.entries(params).map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  return words.join(", ");
}

/** One case under its heading: a row for each subject, and what was left out. */
export function caseTable(result: BenchmarkResult, each: CaseResult): string {
  const head = ["subject", `${result.unit}/s`, `time per ${result.unit}`, `CPU per ${result.unit}`, "peak RSS above idle"];
  const targets = each.judgements.some(({ target }) => target !== undefined);
  const compared = !result.quick && each.judgements.length > 0;
  if (compared) head.push(ratioTitle(result.compare), ...(targets ? ["target"] : []), "verdict");
  const rows = Object.entries(each.subjects).map(([name, subject]) => {
    const judgement = each.judgements.find(({ peer }) => peer === name);
    return [...measures(subject, each.work), ...(compared ? judged(judgement, targets) : [])];
  });
  const lines = [`### ${caseTitle(each)}`, "", row(head), row(head.map(() => "---")), ...rows.map(row)];
  const figures = Object.values(each.subjects).flatMap((subject) => figuresLine(subject));
  if (figures.length > 0) lines.push("", ...figures);
  if (each.skipped.length > 0) lines.push("");
  for (const { peer, why, how } of each.skipped) lines.push(`skipped: ${peer} (${why}; ${how})`);
  if (each.memory !== undefined) lines.push("", memoryLine(each.memory));
  const method = each.subjects[ours]?.peakMethod;
  if (method === "maxRSS") lines.push("", "Peak RSS by maxRSS: covers the process's whole life, warm-up too.");
  return lines.join("\n");
}

/** What a subject counted itself, as medians over the rounds. */
function figuresLine({ label, samples }: SubjectResult): readonly string[] {
  const names = Object.keys(samples[0]?.figures ?? {});
  const shown = names.map((name) => `${name} ${significant(median(samples.map(({ figures }) => figures?.[name] ?? Number.NaN)))}`);
  return names.length === 0 ? [] : [`- ${label}: ${shown.join(", ")}`];
}

/** A line of a Markdown table. */
export function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function ratioTitle(compare: BenchmarkResult["compare"]): string {
  return compare === "speed" ? "speed of ours / peer [95 %]" : "time of ours / peer [95 %]";
}

/** Nanoseconds per unit, as medians over the rounds. */
export function costs(subject: SubjectResult, work: number): { readonly wallNanos: number; readonly cpuNanos: number } {
  const wallNanos = median(subject.samples.map((sample) => sample.wallNanos)) / work;
  const cpuNanos = (median(subject.samples.map((sample) => sample.cpuMicros)) * 1000) / work;
  return { wallNanos, cpuNanos };
}

function measures(subject: SubjectResult, work: number): string[] {
  const { wallNanos, cpuNanos } = costs(subject, work);
  const peak = `${peakAboveIdleMiB(subject).toFixed(1)} MiB`;
  return [subject.label, significant(1e9 / wallNanos), duration(wallNanos), duration(cpuNanos), peak];
}

function judged(judgement: Judgement | undefined, targets: boolean): string[] {
  if (judgement === undefined) return targets ? ["", "", ""] : ["", ""];
  return [ratioCell(judgement), ...(targets ? [targetCell(judgement.target)] : []), verdictCell(judgement)];
}

function ratioCell({ basis, paced, wall, cpu }: Judgement): string {
  if (paced) return `${interval(cpu)} of CPU time${basis === "none" ? `; wider than ${widestInterval * 100} %` : ""}`;
  if (basis === "wall") return interval(wall);
  if (basis === "cpu") return `${interval(cpu)} of CPU time; of wall time ${interval(wall)}, too wide`;
  return `${interval(wall)}; of CPU time ${interval(cpu)}; both wider than ${widestInterval * 100} %`;
}

function targetCell(target: Target | undefined): string {
  if (target === undefined) return "";
  if ("atLeast" in target) return `>= ${target.atLeast}`;
  return "atMost" in target ? `<= ${target.atMost}` : `holds ${target.includes}`;
}

function verdictCell({ verdict, missedBy, basis }: Judgement): string {
  const by = basis === "cpu" && verdict !== "stated" ? " (by CPU time)" : "";
  return missedBy === undefined ? `${verdict}${by}` : `missed by ${(missedBy * 100).toFixed(1)} %${by}`;
}

function interval({ median: middle, low, high }: Interval): string {
  if (!Number.isFinite(high - low)) return "no figure"; // A round of the peer, or of ours, took no time that can be told.
  return `${middle.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

function memoryLine({ ceilingMiB, peakMiB }: NonNullable<CaseResult["memory"]>): string {
  const state = peakMiB <= ceilingMiB ? "held" : "**PASSED**";
  return `Memory ceiling of ours: ${ceilingMiB} MiB above idle, ${state} (${peakMiB.toFixed(1)} MiB).`;
}

/** Whether a ceiling was passed: the one thing that fails a run besides an error. */
export function ceilingPassed(result: BenchmarkResult): boolean {
  return result.cases.some(({ memory }) => memory !== undefined && memory.peakMiB > memory.ceilingMiB);
}

function significant(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

/** Nanoseconds in the unit that reads best. */
export function duration(nanos: number): string {
  if (nanos < 1e3) return `${nanos.toPrecision(3)} ns`;
  if (nanos < 1e6) return `${(nanos / 1e3).toPrecision(3)} us`;
  return nanos < 1e9 ? `${(nanos / 1e6).toPrecision(3)} ms` : `${(nanos / 1e9).toPrecision(3)} s`;
}
