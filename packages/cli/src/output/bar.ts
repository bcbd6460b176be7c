import { formatBytes, formatTime } from "./format.ts";

/** How far something is. */
export interface BarState {
  readonly label: string;
  readonly bytes: number;
  /** Absent: nobody knows. */
  readonly totalBytes?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  readonly etaMs?: number | undefined;
}

// Locales that draw blocks; elsewhere a bar of plain characters.
const UNICODE = /utf-?8/i.test(process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || "");
const [FULL, EMPTY] = UNICODE ? ["█", "░"] : ["#", "-"];
const BAR_COLUMNS = 24;

/** `photos  ███████░░░░░  45%  1.2 MiB of 2.6 MiB  34 MiB/s  0:44 left`, cut at the terminal's width. */
export function barLine({ label, bytes, totalBytes, bytesPerSecond, etaMs }: BarState, columns: number): string {
  const share = totalBytes === undefined ? undefined : totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
  const parts = [
    ...(share === undefined ? [] : [bar(share), `${String(Math.floor(share * 100)).padStart(3)}%`]),
    totalBytes === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`,
    ...(bytesPerSecond === undefined ? [] : [`${formatBytes(bytesPerSecond)}/s`]),
    ...(etaMs === undefined ? [] : [`${formatTime(etaMs)} left`]),
  ];
  const facts = parts.join("  ");
  return cut(`${cutStart(label, Math.max(8, columns - facts.length - 2))}  ${facts}`, columns);
}

function bar(share: number): string {
  const full = Math.floor(share * BAR_COLUMNS);
  return (FULL as string).repeat(full) + (EMPTY as string).repeat(BAR_COLUMNS - full);
}

/** Text of at most so many characters. */
export function cut(text: string, columns: number): string {
  const characters = Array.from(text);
  return characters.length <= columns ? text : `${characters.slice(0, columns - 1).join("")}…`;
}

/** The end of a text: of long paths the name counts. */
function cutStart(text: string, columns: number): string {
  const characters = Array.from(text);
  return characters.length <= columns ? text : `…${characters.slice(1 - columns).join("")}`;
}

/** Counts the bytes of one transfer for its bar. */
export class Meter {
  readonly #label: string;
  readonly #startedAt: number = performance.now();
  bytes = 0;
  totalBytes: number | undefined;

  constructor(label: string, totalBytes?: number | undefined) {
    this.#label = label;
    this.totalBytes = totalBytes;
  }

  lines(columns: number): string[] {
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const bytesPerSecond = seconds > 0 ? this.bytes / seconds : 0;
    const rest = this.totalBytes === undefined || bytesPerSecond === 0 ? undefined : this.totalBytes - this.bytes;
    const etaMs = rest === undefined ? undefined : (Math.max(0, rest) / bytesPerSecond) * 1_000;
    return [barLine({ label: this.#label, bytes: this.bytes, totalBytes: this.totalBytes, bytesPerSecond, etaMs }, columns)];
  }
}
