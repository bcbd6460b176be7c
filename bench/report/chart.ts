// Charts as SVG text. A chart brings its own ground, light or dark as the reader's system is, so that it reads on any page.
import { ours } from "../runner/benchmark.ts";
import type { BenchmarkResult } from "../runner/benchmark-run.ts";
import type { CaseResult } from "../runner/case-run.ts";
import type { Judgement } from "../runner/judgement.ts";
import { caseTitle, costs, duration, sources } from "../runner/report.ts";
import { type Interval, relativeWidth } from "../runner/statistics.ts";
import { barScale, ratioScale, type Scale } from "./scale.ts";

const width = 960;
const plot = { left: 352, right: 664, top: 92 } as const;
const rowHeight = 26;
/** Characters of the left column; wide fonts are reckoned with. */
const column = 38;
const legend =
  "● judged by wall time · ■ by CPU time, where wall time is too noisy · □ both too wide: nothing is claimed · ◇ target";

const style = `
text{font-family:system-ui,-apple-system,Segoe UI,Roboto,sans-serif;font-size:14px;fill:#1f2328}
.ground{fill:#fff;stroke:#d0d7de}.title{font-size:17px;font-weight:600}.case{font-weight:600}.quiet,.tick{fill:#59636e}.tick{font-size:12.5px}
.grid{stroke:#e4e8ec}.one{stroke:#59636e;stroke-width:1.5}.side{fill:#0f766e;opacity:.07}
.better{fill:#0f766e;stroke:#0f766e}.worse{fill:#b45309;stroke:#b45309}.even{fill:#1f2328;stroke:#1f2328}.none{fill:#fff;stroke:#8b949e}
.target{fill:none;stroke:#7c3aed;stroke-width:1.5}.words{fill:#59636e}
@media (prefers-color-scheme:dark){
text{fill:#e6e6e9}.ground{fill:#1b1b1f;stroke:#3c3f44}.quiet,.tick,.words{fill:#a0a6b0}.grid{stroke:#2e2f34}.one{stroke:#a0a6b0}
.side{fill:#2dd4bf;opacity:.09}.better{fill:#2dd4bf;stroke:#2dd4bf}.worse{fill:#f59e0b;stroke:#f59e0b}.even{fill:#e6e6e9;stroke:#e6e6e9}
.none{fill:#1b1b1f;stroke:#7d8590}.target{stroke:#c4b5fd}
}`;

/** What stands in the plot, from its top on, and how high it is. */
interface Plot {
  readonly height: number;
  readonly marks: readonly string[];
  /** What is compared with what, for the subtitle. */
  readonly says: string;
}

/** One run as a chart: ratios where there are peers, else bars of what each case costs. */
export function chart(result: BenchmarkResult): string {
  const compared = result.cases.some(({ judgements }) => judgements.length > 0);
  const { height, marks, says } = compared ? ratios(result) : bars(result);
  const origin = `${result.rounds} rounds; ${sources(result)}; ${result.startedAt.slice(0, 10)}`;
  const bottom = plot.top + height + 24;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escaped(result.title)}</title>`,
    `<desc id="d">${escaped(says)}</desc>`,
    `<style>${style}\n</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${bottom - 1}" rx="8"/>`,
    text(20, 30, "title", cut(result.title, 84)),
    text(20, 50, "quiet", `${says}; ${origin}`),
    ...marks,
    "</svg>",
  ];
  return `${lines.join("\n")}\n`;
}

function ratios(result: BenchmarkResult): Plot {
  const judgements = result.cases.flatMap((each) => each.judgements);
  const scale = ratioScale(judgements.flatMap(extent), plot.left, plot.right);
  const marks: string[] = [];
  let top = plot.top;
  for (const each of result.cases) {
    const lines = wrapped(caseTitle(each));
    marks.push(...lines.map((line, index) => text(20, top + 18 + index * 18, "case", line)));
    marks.push(text(plot.right + 16, top + 18, "quiet", oursLine(result, each)));
    top += (lines.length - 1) * 18;
    for (const judgement of each.judgements) {
      top += rowHeight;
      marks.push(...ratioRow(top, judgement, each.subjects[judgement.peer]?.label ?? judgement.peer, scale, result.compare));
    }
    top += rowHeight + 10;
  }
  const height = top - plot.top;
  const says = `${result.compare === "speed" ? "speed" : "time"} of ours / each peer, 95 % interval`;
  const below = text(20, plot.top + height + 40, "tick", legend);
  return { height: height + 26, marks: [...axis(scale, height, result.compare), ...marks, below], says };
}

/** What the axis has to hold of a ratio. */
function extent(judgement: Judgement): readonly number[] {
  const { target } = judgement;
  const { median, low, high } = drawn(judgement);
  return [median, low, high, ...(target === undefined ? [] : [targetValue(target)])].filter(
    (value) => Number.isFinite(value) && value > 0,
  );
}

/** The interval that is judged; where none is, the narrower one; of wall time never where the pace was given. */
function drawn({ basis, paced, wall, cpu }: Judgement): Interval {
  if (paced) return cpu;
  if (basis !== "none") return basis === "wall" ? wall : cpu;
  return relativeWidth(wall) <= relativeWidth(cpu) || !Number.isFinite(relativeWidth(cpu)) ? wall : cpu;
}

function targetValue(target: NonNullable<Judgement["target"]>): number {
  if ("atLeast" in target) return target.atLeast;
  return "atMost" in target ? target.atMost : target.includes;
}

function axis(scale: Scale, height: number, compare: BenchmarkResult["compare"]): string[] {
  const bottom = plot.top + height;
  const one = scale.at(1);
  const [from, to] = compare === "speed" ? [one, plot.right] : [plot.left, one];
  const [left, right] = compare === "speed" ? ["← peer better", "ours better →"] : ["← ours better", "peer better →"];
  return [
    `<rect class="side" x="${n(from)}" y="${plot.top}" width="${n(to - from)}" height="${height}"/>`,
    ...scale.ticks.flatMap((tick) => [
      `<path class="grid" d="M${n(scale.at(tick))} ${plot.top}V${bottom}"/>`,
      text(scale.at(tick), bottom + 15, "tick", String(tick), "middle"),
    ]),
    `<path class="one" d="M${n(one)} ${plot.top - 2}V${bottom}"/>`,
    text(one - 8, plot.top - 8, "tick", left, "end"),
    text(one + 8, plot.top - 8, "tick", right),
  ];
}

function ratioRow(top: number, judgement: Judgement, label: string, scale: Scale, compare: BenchmarkResult["compare"]): string[] {
  const middle = top + rowHeight / 2;
  const interval = drawn(judgement);
  const name = text(32, middle + 5, "label", cut(label, column));
  if (!(interval.low > 0 && Number.isFinite(interval.high))) return [name, text(plot.right + 16, middle + 5, "words", "no figure")];
  const tone = toneOf(judgement, compare);
  const basis = interval === judgement.wall ? "wall" : "CPU";
  const whiskers = `M${n(scale.at(interval.low))} ${middle}H${n(scale.at(interval.high))}`;
  const ends = [interval.low, interval.high].map((value) => `M${n(scale.at(value))} ${middle - 4}v8`).join("");
  return [
    name,
    ...(judgement.target ? [diamond(scale.at(targetValue(judgement.target)), middle)] : []),
    `<path class="${tone}" stroke-width="2" d="${whiskers}${ends}"/>`,
    mark(scale.at(interval.median), middle, basis, tone),
    text(plot.right + 16, middle + 5, tone === "none" ? "words" : "value", ratioWords(judgement, interval, basis)),
  ];
}

function ratioWords({ verdict }: Judgement, { median, low, high }: Interval, basis: string): string {
  const ratio = `${short(median)} [${short(low)}, ${short(high)}] ${basis}`;
  const word = { met: ", met", missed: ", missed", stated: "", "not measurable here": ", too wide" }[verdict];
  return `${ratio}${word}`;
}

/** Better or worse only when the whole interval is. */
function toneOf(judgement: Judgement, compare: BenchmarkResult["compare"]): "better" | "worse" | "even" | "none" {
  if (judgement.basis === "none") return "none";
  const { low, high } = drawn(judgement);
  if (low <= 1 && high >= 1) return "even";
  return low > 1 === (compare === "speed") ? "better" : "worse";
}

function mark(x: number, y: number, basis: "wall" | "CPU", tone: string): string {
  if (basis === "wall") return `<circle class="${tone}" cx="${n(x)}" cy="${y}" r="4.5" stroke-width="1.5"/>`;
  return `<rect class="${tone}" x="${n(x - 4)}" y="${y - 4}" width="8" height="8" stroke-width="1.5"/>`;
}

function diamond(x: number, y: number): string {
  return `<path class="target" d="M${n(x)} ${y - 8}l5 8l-5 8l-5 -8z"/>`;
}

function oursLine({ unit }: BenchmarkResult, each: CaseResult): string {
  const subject = each.subjects[ours];
  if (subject === undefined) return "";
  return cut(`ours: ${duration(costs(subject, each.work).cpuNanos)} CPU per ${unit}`, 34);
}

function bars(result: BenchmarkResult): Plot {
  const rows = result.cases.flatMap((each) => {
    const subject = each.subjects[ours];
    return subject === undefined ? [] : [{ name: caseTitle(each), ...costs(subject, each.work) }];
  });
  const scale = barScale(Math.max(...rows.map(({ cpuNanos }) => cpuNanos)), plot.left, plot.right);
  const marks = rows.flatMap(({ name, cpuNanos, wallNanos }, index) => {
    const top = plot.top - 20 + index * rowHeight;
    return [
      text(20, top + 16, "label", cut(name, column)),
      `<rect class="better" x="${plot.left}" y="${top + 5}" width="${n(scale.at(cpuNanos) - plot.left)}" height="14" rx="2"/>`,
      text(plot.right + 16, top + 16, "value", `${duration(cpuNanos)} CPU, ${duration(wallNanos)} wall`),
    ];
  });
  return { height: rows.length * rowHeight - 22, marks, says: `CPU time per ${result.unit}, median` };
}

function text(x: number, y: number, kind: string, words: string, anchor?: "middle" | "end"): string {
  const place = anchor === undefined ? "" : ` text-anchor="${anchor}"`;
  return `<text class="${kind}" x="${n(x)}" y="${n(y)}"${place}>${escaped(words)}</text>`;
}

/** A tenth of a pixel is enough, and the same on every machine. */
function n(value: number): string {
  return String(Number(value.toFixed(1)));
}

function short(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Two lines, where one has no room; broken between parameters. */
function wrapped(title: string): readonly string[] {
  if (title.length <= column) return [title];
  const at = title.lastIndexOf(", ", column);
  return at < 0 ? [cut(title, column)] : [title.slice(0, at + 1), cut(title.slice(at + 2), column)];
}

/** A name that is longer than its column stands in full in the table. */
function cut(words: string, most: number): string {
  return words.length <= most ? words : `${words.slice(0, most - 1).trimEnd()}…`;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
