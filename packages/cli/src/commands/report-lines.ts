import { comparePaths } from "@omni/core";
import type { SyncEntry, SyncReport } from "@omni/sync";
import { inFlags } from "../flag-words.ts";
import type { Output } from "../output/output.ts";

// So many lines are kept to be printed sorted at the end; what comes then is printed as it comes.
const GATHERED = 10_000;

const COLORS = { "+": "green", "-": "red", "*": "yellow", "!": "red", "=": "gray" } as const;

/** Prints what a run found: sorted lines and a summary for people; with `--json` an object for each path, as it is decided, and one for the run. */
export class ReportLines {
  readonly #out: Output;
  readonly #verbose: boolean;
  readonly #gathered: SyncEntry[] = [];

  constructor(out: Output, verbose: boolean) {
    this.#out = out;
    this.#verbose = verbose;
  }

  take(entry: SyncEntry): void {
    if (entry.mark === "=" && !this.#verbose) return;
    if (this.#out.json) this.#out.resultNow({ ...entry }, "");
    // Failures are printed with their reasons, which the report has.
    else if (entry.mark === "!" || this.#gathered.length < GATHERED) this.#gathered.push(entry);
    else this.#out.resultNow({}, this.#text(entry));
  }

  /** What is known when a run ended before its report. */
  async printGathered(): Promise<void> {
    for (const entry of this.#gathered.sort((a, b) => comparePaths(a.path, b.path))) await this.#out.line(this.#text(entry));
  }

  async printReport(report: SyncReport): Promise<void> {
    const reasons = new Map(report.failures.map(({ path, error }) => [path, error.reason]));
    for (const entry of this.#gathered.sort((a, b) => comparePaths(a.path, b.path)))
      await this.#out.line(this.#text(entry, reasons.get(entry.path)));
    const { entries: _, entriesOmitted: __, ...facts } = report.toJSON();
    const summary = report
      .text()
      .split("\n")
      .filter((line) => !/^\(and \d+ more paths\)$/.test(line));
    await this.#out.result({ report: facts }, inFlags(summary.join("\n")));
  }

  #text({ mark, path, action, other, reason }: SyncEntry, failure: string | undefined = reason): string {
    const name = this.#out.name(path === "" ? "(the run)" : path);
    const rename =
      action === "rename" && other !== undefined ? ` (${mark === "+" ? "was" : "is now"} ${this.#out.name(other)})` : "";
    const why = mark === "!" ? `: ${this.#out.name(inFlags(failure ?? "failed"))}` : "";
    return this.#out.paint(COLORS[mark], `${mark} ${name}${rename}${why}`);
  }
}
