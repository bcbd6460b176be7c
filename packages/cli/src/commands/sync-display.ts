import type { SyncProgress } from "@omni/sync";
import { barLine, cut } from "../output/bar.ts";
import { countOf, formatBytes, formatTime } from "../output/format.ts";
import type { Output } from "../output/output.ts";

const SHOWN_COPIES = 4;
const STATS_MS = 60_000;

/** Shows how far a run is: bars on a terminal, else now and then a line. */
export class SyncDisplay {
  readonly #out: Output;
  readonly #label: string;
  readonly #statsMs: number;
  progress: SyncProgress | undefined;

  /** @param statsMs how often a line is printed where there is no terminal; 0 = never */
  constructor(out: Output, label: string, statsMs: number = STATS_MS) {
    this.#out = out;
    this.#label = label;
    this.#statsMs = statsMs;
  }

  /** @returns ends the showing; a second call does nothing */
  async start(): Promise<() => void> {
    if (this.#out.isInteractive) {
      const live = await this.#out.live((columns) => this.lines(columns));
      return () => live.done();
    }
    if (this.#statsMs === 0) return () => {};
    const timer = setInterval(() => this.#out.note(this.#statsLine()), this.#statsMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** The bar of the run, what was looked at, and the copies under way. */
  lines(columns: number): string[] {
    const { progress } = this;
    if (!progress) return [cut(`${this.#label}  listing`, columns)];
    const { planned, active, bytesPerSecond, etaMs, checked, failed, done, phase } = progress;
    const bytes = movedBytes(progress);
    const counts = [
      `${done.objects.toLocaleString("en-US")} of ${countOf(planned.objects, "object")}`,
      `${checked.toLocaleString("en-US")} checked`,
      ...(failed > 0 ? [this.#out.paint("red", `${failed} failed`, "stderr")] : []),
      ...(phase === "checking" || phase === "done" ? [] : [phase]),
    ];
    const copies = active.slice(0, SHOWN_COPIES).map((copy) => {
      const label = `  ${this.#out.name(copy.path)}`;
      return barLine({ label, bytes: copy.bytes, totalBytes: copy.totalBytes }, columns);
    });
    const more = active.length > SHOWN_COPIES ? [cut(`  and ${active.length - SHOWN_COPIES} more`, columns)] : [];
    const whole = barLine({ label: this.#label, bytes, totalBytes: planned.bytes, bytesPerSecond, etaMs }, columns);
    return [whole, `  ${counts.join(", ")}`, ...copies, ...more];
  }

  #statsLine(): string {
    if (!this.progress) return `${this.#label}: listing`;
    const { planned, done, checked, failed, bytesPerSecond, etaMs } = this.progress;
    const bytes = `${formatBytes(movedBytes(this.progress))} of ${formatBytes(planned.bytes)}`;
    const left = etaMs === undefined ? "" : `, ${formatTime(etaMs)} left`;
    return `${this.#label}: ${bytes}, ${formatBytes(bytesPerSecond)}/s${left}; ${done.objects} of ${countOf(planned.objects, "object")}, ${checked} checked, ${failed} failed`;
  }
}

function movedBytes({ done, active }: SyncProgress): number {
  return active.reduce((sum, { bytes }) => sum + bytes, done.bytes);
}
