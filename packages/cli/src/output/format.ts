import prettyBytes from "pretty-bytes";

/** `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  return prettyBytes(bytes, { binary: true, maximumFractionDigits: 1 });
}

/** `1:02:03`, `0:44`. */
export function formatTime(ms: number): string {
  if (!Number.isFinite(ms)) return "-";
  const seconds = Math.ceil(ms / 1_000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `2026-11-21 21:05:09` in UTC, or as many blanks where it is not known. */
export function formatDate(date: Date | undefined): string {
  return date ? date.toISOString().slice(0, 19).replace("T", " ") : " ".repeat(19);
}

/** `1 object`, `2 objects`. */
export function countOf(n: number, noun: string): string {
  return `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
}
